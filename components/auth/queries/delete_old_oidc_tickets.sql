DELETE FROM oidc_ticket
WHERE expires_at <= ?1
