SELECT coalesce(x.document, '{}') AS document, coalesce(x.version, 0) AS version
FROM conversation_life AS c
LEFT JOIN conversation_context AS x ON x.account_id = c.account_id AND x.conversation_id = c.id
WHERE c.account_id = ?1
  AND c.id = ?2
  AND ?3 < c.ends_at
