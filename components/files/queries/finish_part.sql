-- The bytes are all there. No row: it took so long that the part was given up.
UPDATE file_part
SET number = ?4,
  size_bytes = ?5,
  sha256 = ?6,
  chunk_digests = ?7,
  state = 'whole'
WHERE account_id = ?1
  AND file_id = ?2
  AND id = ?3
  AND state = 'writing'
RETURNING id
