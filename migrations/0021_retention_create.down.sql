DROP TRIGGER message_run_left;

DROP TRIGGER conversation_deleted;

DROP VIEW conversation_life;

DROP TABLE retention;

DROP INDEX conversation_with_lifetime;

DROP INDEX conversation_to_remove;

-- What was only marked is removed, because without the mark it would be there again.
DELETE FROM conversation WHERE deleted_at IS NOT NULL;

ALTER TABLE conversation DROP COLUMN deleted_at;

ALTER TABLE conversation DROP COLUMN lifetime_ms;
