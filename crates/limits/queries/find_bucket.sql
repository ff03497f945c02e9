SELECT empty_at
FROM rate_limit
WHERE bucket = ?1
