-- A reservation whose producer lives.
UPDATE usage_reservation
SET expires_at = max(expires_at, ?3)
WHERE account_id = ?1
  AND run_id = ?2
