DELETE FROM one_time_token
WHERE token_hash = ?1
  AND purpose = 'verify'
