-- Reserves ?3 bytes in all, and says that somebody still writes. No row: the account has no room for so many, or the file is gone.
UPDATE file
SET size_bytes = ?3,
  pending_until = ?4
WHERE account_id = ?1
  AND id = ?2
  AND state = 'pending'
  AND coalesce((SELECT u.size_bytes FROM file_usage AS u WHERE u.account_id = ?1), 0) + ?3 - size_bytes <= ?5
RETURNING id
