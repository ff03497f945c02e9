-- A conversation may end by itself: so long after its last message. NULL stays.
ALTER TABLE conversation ADD COLUMN lifetime_ms INTEGER CONSTRAINT conversation_lifetime_positive CHECK (lifetime_ms > 0);

-- Set means gone: no statement finds it any more. Its messages are removed in pieces, because the words of a long history are many and the
-- writer is one.
ALTER TABLE conversation ADD COLUMN deleted_at INTEGER;

-- What is left to remove.
CREATE INDEX conversation_to_remove ON conversation (account_id, deleted_at, id) WHERE deleted_at IS NOT NULL;

-- What may end by itself.
CREATE INDEX conversation_with_lifetime ON conversation (account_id, active_at + lifetime_ms) WHERE lifetime_ms IS NOT NULL;

-- How long an account keeps what nobody goes on with. No row: for ever.
CREATE TABLE retention (
  account_id TEXT NOT NULL,
  days INTEGER NOT NULL,
  -- Whether what someone has pinned stays all the same.
  keep_pinned INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CONSTRAINT retention_pk PRIMARY KEY (account_id),
  CONSTRAINT retention_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT retention_days_positive CHECK (days > 0),
  CONSTRAINT retention_keep_pinned_flag CHECK (keep_pinned IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Conversations with the moment at which each ends, the largest integer if never: what reads has to look at it, because what removes comes
-- later. The moment is computed and not stored, so that a new period counts at once for a million conversations. What was deleted has ended
-- whatever the clock of the reader says.
CREATE VIEW conversation_life AS
SELECT c.account_id, c.id, c.continuation_id, c.title, c.metadata, c.pinned, c.archived, c.message_count, c.version, c.created_at,
  c.updated_at, c.last_message_at, c.active_at, c.lifetime_ms, c.deleted_at,
  min(
    CASE WHEN c.deleted_at IS NULL THEN 9223372036854775807 ELSE 0 END,
    coalesce(c.active_at + c.lifetime_ms, 9223372036854775807),
    coalesce(
      (
        SELECT c.active_at + r.days * 86400000
        FROM retention AS r
        WHERE r.account_id = c.account_id AND NOT (r.keep_pinned AND c.pinned)
      ),
      9223372036854775807
    )
  ) AS ends_at
FROM conversation AS c;

-- What is gone frees its names and keeps nothing but its messages, for the little while until they are removed.
CREATE TRIGGER conversation_deleted AFTER UPDATE OF deleted_at ON conversation
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  UPDATE conversation
  SET continuation_id = NULL, title = NULL, metadata = '{}', lifetime_ms = NULL
  WHERE account_id = NEW.account_id AND id = NEW.id;
  DELETE FROM share WHERE account_id = NEW.account_id AND conversation_id = NEW.id;
  DELETE FROM conversation_context WHERE account_id = NEW.account_id AND conversation_id = NEW.id;
  UPDATE memory
  SET source_conversation_id = NULL
  WHERE account_id = NEW.account_id AND source_conversation_id = NEW.id;
END;

-- A run leaves with its first message, so that a conversation whose messages are removed has nothing else left.
CREATE TRIGGER message_run_left AFTER DELETE ON message
BEGIN
  DELETE FROM message_run
  WHERE account_id = OLD.account_id AND conversation_id = OLD.conversation_id AND first_seq = OLD.seq;
END;
