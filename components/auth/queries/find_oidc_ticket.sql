SELECT provider, issuer, subject, verified_email, name, app_challenge
FROM oidc_ticket
WHERE code_hash = ?1
  AND expires_at > ?2
