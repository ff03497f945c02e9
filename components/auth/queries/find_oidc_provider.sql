SELECT discovery, key_set, fetched_at
FROM oidc_provider
WHERE issuer = ?1
  AND fetched_at IS NOT NULL
