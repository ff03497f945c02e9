-- Links under which others read a conversation. Messages are only ever appended, so a snapshot is where its path ends, and the title of
-- that moment.
CREATE TABLE share (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- SHA-256 of the token in the link.
  token_hash BLOB NOT NULL,
  -- The seq of the last message of the snapshot.
  tip_seq INTEGER NOT NULL,
  title TEXT,
  created_at INTEGER NOT NULL,
  CONSTRAINT share_pk PRIMARY KEY (account_id, id),
  CONSTRAINT share_token_unique UNIQUE (token_hash),
  CONSTRAINT share_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT share_token_hash_length CHECK (length(token_hash) = 32),
  CONSTRAINT share_tip_seq_positive CHECK (tip_seq > 0)
) STRICT, WITHOUT ROWID;

-- The list, and the cascade from conversation.
CREATE INDEX share_by_conversation ON share (account_id, conversation_id, id);
