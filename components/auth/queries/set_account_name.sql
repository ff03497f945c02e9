UPDATE account
SET name = ?2,
  updated_at = ?3
WHERE id = ?1
