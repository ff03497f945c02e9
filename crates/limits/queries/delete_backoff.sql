DELETE FROM backoff
WHERE bucket = ?1
