-- WITHOUT ROWID keeps the messages of a conversation side by side in the order in which they are read.
CREATE TABLE message (
  account_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- 1, 2, 3, … within the conversation.
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  -- The message that this one answers. No foreign key: SQLite would search the children of each message when a conversation is
  -- deleted. The statement that appends checks it instead, and messages never leave singly.
  parent_id TEXT,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Lets a page stop at a number of bytes without reading the texts beyond it.
  wire_bytes INTEGER NOT NULL GENERATED ALWAYS AS (length(CAST(wire AS BLOB))) STORED,
  -- The message as the API gives it, finished when it is written: a page of history is read and joined, never parsed or rendered.
  wire TEXT NOT NULL,
  CONSTRAINT message_pk PRIMARY KEY (account_id, conversation_id, seq),
  CONSTRAINT message_id_unique UNIQUE (account_id, id),
  CONSTRAINT message_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT message_seq_positive CHECK (seq > 0),
  CONSTRAINT message_role CHECK (role IN ('user', 'assistant', 'system', 'tool')),
  CONSTRAINT message_status CHECK (status IN ('completed', 'interrupted', 'failed')),
  CONSTRAINT message_wire_json CHECK (json_valid(wire))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER message_appended AFTER INSERT ON message
BEGIN
  UPDATE conversation
  SET message_count = NEW.seq,
    last_message_at = NEW.created_at,
    active_at = max(active_at, NEW.created_at),
    updated_at = max(updated_at, NEW.created_at)
  WHERE account_id = NEW.account_id AND id = NEW.conversation_id;
END;
