-- No row: no such conversation or no such file, or the conversation has ?5 files already. What is attached stays as it is.
INSERT INTO conversation_file (account_id, conversation_id, file_id, attached_at)
SELECT c.account_id, c.id, f.id, ?4
FROM conversation_life AS c
JOIN file AS f ON f.account_id = c.account_id AND f.id = ?3
WHERE c.account_id = ?1
  AND c.id = ?2
  AND ?4 < c.ends_at
  AND f.state = 'complete'
  AND (
    EXISTS (SELECT 1 FROM conversation_file AS x WHERE x.account_id = ?1 AND x.conversation_id = ?2 AND x.file_id = ?3)
    OR (SELECT count(*) FROM conversation_file AS x WHERE x.account_id = ?1 AND x.conversation_id = ?2) < ?5
  )
ON CONFLICT (account_id, conversation_id, file_id) DO NOTHING
