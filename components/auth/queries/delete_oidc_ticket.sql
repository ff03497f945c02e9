DELETE FROM oidc_ticket
WHERE code_hash = ?1
RETURNING code_hash
