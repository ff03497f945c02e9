DELETE FROM rate_limit
WHERE bucket = ?1
