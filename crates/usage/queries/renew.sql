-- No row: the reservation was settled, by its holder or because its lease was over.
UPDATE usage_reservation
SET expires_at = max(expires_at, ?3)
WHERE account_id = ?1
  AND run_id = ?2
RETURNING run_id
