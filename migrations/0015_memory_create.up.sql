-- What is remembered for a person in an account: facts by key, and episodes. It goes with the membership.
CREATE TABLE memory (
  -- What the index of words knows a row by. Counts up.
  number INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT,
  value TEXT NOT NULL,
  metadata TEXT NOT NULL DEFAULT '{}',
  -- Where it was learned. No foreign key, because what was learned may outlive its source: see the trigger below.
  source_conversation_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_accessed_at INTEGER,
  -- The columns of the index. The suffixes of the ids are one word each, so that the index is asked for one person's rows alone.
  scope TEXT NOT NULL GENERATED ALWAYS AS (substr(account_id, 6) || ' ' || substr(user_id, 6)) VIRTUAL,
  text TEXT NOT NULL GENERATED ALWAYS AS (replace(coalesce(key || ' ', '') || value, char(0), ' ')) VIRTUAL,
  CONSTRAINT memory_pk PRIMARY KEY (number),
  CONSTRAINT memory_id_unique UNIQUE (account_id, id),
  CONSTRAINT memory_key_unique UNIQUE (account_id, user_id, key),
  CONSTRAINT memory_membership FOREIGN KEY (account_id, user_id) REFERENCES membership (account_id, user_id) ON DELETE CASCADE,
  CONSTRAINT memory_kind CHECK (kind IN ('fact', 'episode')),
  CONSTRAINT memory_key_of_facts CHECK ((kind = 'fact') = (key IS NOT NULL)),
  CONSTRAINT memory_metadata_json CHECK (json_valid(metadata))
) STRICT;

-- The list, what was changed last first.
CREATE INDEX memory_by_update ON memory (account_id, user_id, updated_at, id);

-- What came from one conversation.
CREATE INDEX memory_by_source ON memory (account_id, source_conversation_id) WHERE source_conversation_id IS NOT NULL;

CREATE VIRTUAL TABLE memory_index USING fts5(scope, text, content='memory', content_rowid='number', tokenize='unicode61 remove_diacritics 2');

CREATE TRIGGER memory_created AFTER INSERT ON memory
BEGIN
  INSERT INTO memory_index (rowid, scope, text) VALUES (NEW.number, NEW.scope, NEW.text);
END;

CREATE TRIGGER memory_changed AFTER UPDATE OF key, value ON memory
BEGIN
  INSERT INTO memory_index (memory_index, rowid, scope, text) VALUES ('delete', OLD.number, OLD.scope, OLD.text);
  INSERT INTO memory_index (rowid, scope, text) VALUES (NEW.number, NEW.scope, NEW.text);
END;

CREATE TRIGGER memory_deleted AFTER DELETE ON memory
BEGIN
  INSERT INTO memory_index (memory_index, rowid, scope, text) VALUES ('delete', OLD.number, OLD.scope, OLD.text);
END;

CREATE TRIGGER memory_source_deleted AFTER DELETE ON conversation
BEGIN
  UPDATE memory
  SET source_conversation_id = NULL
  WHERE account_id = OLD.account_id AND source_conversation_id = OLD.id;
END;
