SELECT kek.id, kek.created_at, kek.retired_at, (SELECT count(*) FROM secret WHERE secret.kek_id = kek.id) AS secrets
FROM kek
ORDER BY kek.created_at, kek.id
