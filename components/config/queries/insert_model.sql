-- No row when the owner has as many as anyone may.
INSERT INTO model (account_id, id, name, provider, model, base_url, origin, context_window, verify_ssl, parameters, key_id, created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12
WHERE (SELECT count(*) FROM model AS m WHERE m.account_id = ?1) < ?13
RETURNING id
