-- No row when the person has as many keys in the account as anyone may, those that are over not counted.
INSERT INTO api_key (account_id, id, user_id, name, prefix, token_hash, scopes, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE (SELECT count(*) FROM api_key AS k WHERE k.account_id = ?1 AND k.user_id = ?3 AND k.expires_at > ?8) < ?10
RETURNING id
