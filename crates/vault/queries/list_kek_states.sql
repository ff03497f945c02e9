SELECT kek.id, kek.retired_at IS NOT NULL AS is_retired, EXISTS (SELECT 1 FROM secret WHERE secret.kek_id = kek.id) AS is_used
FROM kek
ORDER BY kek.id
