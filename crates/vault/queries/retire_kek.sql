UPDATE kek
SET retired_at = ?2
WHERE id = ?1 AND retired_at IS NULL AND NOT EXISTS (SELECT 1 FROM secret WHERE secret.kek_id = ?1)
RETURNING id
