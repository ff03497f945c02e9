-- Takes the continuation id from a conversation that has ended and was not removed yet, so that a new one may have it.
UPDATE conversation
SET deleted_at = ?3
WHERE account_id = ?1
  AND continuation_id = ?2
  AND id IN (SELECT c.id FROM conversation_life AS c WHERE c.account_id = ?1 AND c.continuation_id = ?2 AND c.ends_at <= ?3)
