-- Whatever comes of it, a state counts once.
DELETE FROM oidc_flow
WHERE state_hash = ?1
RETURNING provider, browser_hash, return_to, app_challenge, expires_at
