DELETE FROM usage_reservation
WHERE account_id = ?1
  AND run_id = ?2
