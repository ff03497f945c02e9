CREATE TABLE conversation (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  -- The name that a client gave it, to find it again without keeping our id.
  continuation_id TEXT,
  title TEXT,
  metadata TEXT NOT NULL DEFAULT '{}',
  pinned INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0,
  -- Both the number of messages and the seq of the newest: messages are only ever appended, and leave with their conversation.
  -- Appending reads and raises it in one statement, which is why seq has no gaps and no doubles.
  message_count INTEGER NOT NULL DEFAULT 0,
  -- Counts changes of what clients may edit, for If-Match. Messages do not count: they are not what an editor would overwrite.
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_message_at INTEGER,
  -- What lists are sorted by: the newest message, or the creation as long as there is none.
  active_at INTEGER NOT NULL,
  CONSTRAINT conversation_pk PRIMARY KEY (account_id, id),
  CONSTRAINT conversation_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT conversation_continuation_unique UNIQUE (account_id, continuation_id),
  CONSTRAINT conversation_metadata_json CHECK (json_valid(metadata)),
  CONSTRAINT conversation_pinned_flag CHECK (pinned IN (0, 1)),
  CONSTRAINT conversation_archived_flag CHECK (archived IN (0, 1)),
  CONSTRAINT conversation_message_count CHECK (message_count >= 0)
) STRICT, WITHOUT ROWID;

-- The list, newest activity first; the id decides between equal times, so that a cursor has one place to go on.
CREATE INDEX conversation_by_activity ON conversation (account_id, active_at, id);
