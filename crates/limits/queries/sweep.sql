-- A few more than one use can add, so that the table shrinks as fast as it grows.
DELETE FROM rate_limit
WHERE bucket IN (SELECT bucket FROM rate_limit WHERE empty_at < ?1 ORDER BY empty_at LIMIT 8)
