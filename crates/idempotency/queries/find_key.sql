SELECT fingerprint, status, etag, body, sealed_body, created_at
FROM idempotency_key
WHERE account_id = ?1
  AND user_id = ?2
  AND name = ?3
