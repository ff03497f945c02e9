-- Where the messages of a conversation branch. A run is a stretch of consecutive seqs in which each message answers the one before it;
-- this table has those that begin anywhere else than behind the newest message. A conversation that never branched has no row here, and a
-- path through one that did is a few stretches of the message table's own order: reading a page of it costs what a page costs.
CREATE TABLE message_run (
  account_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- The seq of the run's first message.
  first_seq INTEGER NOT NULL,
  -- The seq of the message that the first one answers; 0 when it begins the conversation anew.
  parent_seq INTEGER NOT NULL,
  CONSTRAINT message_run_pk PRIMARY KEY (account_id, conversation_id, first_seq),
  CONSTRAINT message_run_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT message_run_goes_back CHECK (0 <= parent_seq AND parent_seq < first_seq - 1)
) STRICT, WITHOUT ROWID;

INSERT INTO message_run (account_id, conversation_id, first_seq, parent_seq)
SELECT m.account_id, m.conversation_id, m.seq, parent.seq
FROM message AS m
JOIN message AS parent ON parent.account_id = m.account_id AND parent.id = m.parent_id
WHERE parent.seq < m.seq - 1;

CREATE TRIGGER message_branched AFTER INSERT ON message
WHEN NEW.parent_id IS NOT (
  SELECT before.id
  FROM message AS before
  WHERE before.account_id = NEW.account_id AND before.conversation_id = NEW.conversation_id AND before.seq = NEW.seq - 1
)
BEGIN
  INSERT INTO message_run (account_id, conversation_id, first_seq, parent_seq)
  VALUES (
    NEW.account_id,
    NEW.conversation_id,
    NEW.seq,
    coalesce((SELECT seq FROM message WHERE account_id = NEW.account_id AND id = NEW.parent_id), 0)
  );
END;

-- The title that this message gave its conversation, which had none.
ALTER TABLE message ADD COLUMN title TEXT;

CREATE TRIGGER message_named AFTER INSERT ON message WHEN NEW.title IS NOT NULL
BEGIN
  UPDATE conversation
  SET title = NEW.title, version = version + 1
  WHERE account_id = NEW.account_id AND id = NEW.conversation_id AND title IS NULL;
END;
