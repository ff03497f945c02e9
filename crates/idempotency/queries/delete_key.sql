DELETE FROM idempotency_key
WHERE account_id = ?1
  AND user_id = ?2
  AND name = ?3
  AND created_at <= ?4
