DELETE FROM oidc_flow
WHERE expires_at <= ?1
