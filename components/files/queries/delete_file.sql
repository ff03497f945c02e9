-- Not while it is attached to a conversation, unless ?3 says so. Its parts go with it, and leave word of their chunks.
DELETE FROM file
WHERE account_id = ?1
  AND id = ?2
  AND state = 'complete'
  AND (?3 OR NOT EXISTS (SELECT 1 FROM conversation_file AS x WHERE x.account_id = ?1 AND x.file_id = ?2))
RETURNING id
