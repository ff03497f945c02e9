-- Whoever gave a new value meanwhile has wrapped another key.
UPDATE secret
SET kek_id = ?3, wrapped_dek = ?4
WHERE id = ?1 AND wrapped_dek = ?2
RETURNING id
