-- A few more than one attempt can add, so that the table shrinks as fast as it grows.
DELETE FROM backoff
WHERE bucket IN (SELECT bucket FROM backoff WHERE ends_at < ?1 ORDER BY ends_at LIMIT 8)
