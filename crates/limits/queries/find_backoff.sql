SELECT opens_at
FROM backoff
WHERE bucket = ?1
