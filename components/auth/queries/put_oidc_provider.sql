UPDATE oidc_provider
SET discovery = ?2, key_set = ?3, fetched_at = ?4
WHERE issuer = ?1
