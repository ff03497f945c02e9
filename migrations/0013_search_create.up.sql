-- What can be found: each message, and each title under seq 0. The id counts up, so that newer entries have larger ones.
-- No foreign key: the triggers below remove an entry together with its words, which a cascade would forget.
CREATE TABLE search_entry (
  id INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  role TEXT,
  created_at INTEGER NOT NULL,
  CONSTRAINT search_entry_pk PRIMARY KEY (id),
  CONSTRAINT search_entry_source_unique UNIQUE (account_id, conversation_id, seq)
) STRICT;

-- The words of an entry, read from where they are kept anyway. `scope` has the suffixes of the ids, each of which is one word, so that the
-- index itself is asked for one account and one conversation and does not walk through what others wrote.
CREATE VIEW search_text AS
SELECT e.id, e.account_id, e.conversation_id, e.seq,
  substr(e.account_id, 6) || ' ' || substr(e.conversation_id, 6) || ' ' || coalesce(e.role, 'title') AS scope,
  replace(
    CASE WHEN e.seq = 0
      THEN (SELECT c.title FROM conversation AS c WHERE c.account_id = e.account_id AND c.id = e.conversation_id)
      ELSE (
        SELECT CASE json_type(m.wire, '$.content')
          WHEN 'text' THEN m.wire ->> '$.content'
          ELSE (
            SELECT group_concat(part.value ->> '$.text', char(10))
            FROM json_each(m.wire, '$.content') AS part
            WHERE part.value ->> '$.type' = 'text'
          )
        END
        FROM message AS m
        WHERE m.account_id = e.account_id AND m.conversation_id = e.conversation_id AND m.seq = e.seq
      )
    END,
    char(0), ' '
  ) AS text
FROM search_entry AS e;

CREATE VIRTUAL TABLE search_index USING fts5(scope, text, content='search_text', content_rowid='id', tokenize='unicode61 remove_diacritics 2');

CREATE TRIGGER search_message_appended AFTER INSERT ON message
BEGIN
  INSERT INTO search_entry (account_id, conversation_id, seq, role, created_at)
  VALUES (NEW.account_id, NEW.conversation_id, NEW.seq, NEW.role, NEW.created_at);
  INSERT INTO search_index (rowid, scope, text)
  SELECT id, scope, text
  FROM search_text
  WHERE account_id = NEW.account_id AND conversation_id = NEW.conversation_id AND seq = NEW.seq;
END;

-- Before, because the index can only forget words that it is told once more.
CREATE TRIGGER search_message_deleted BEFORE DELETE ON message
BEGIN
  INSERT INTO search_index (search_index, rowid, scope, text)
  SELECT 'delete', id, scope, text
  FROM search_text
  WHERE account_id = OLD.account_id AND conversation_id = OLD.conversation_id AND seq = OLD.seq;
  DELETE FROM search_entry
  WHERE account_id = OLD.account_id AND conversation_id = OLD.conversation_id AND seq = OLD.seq;
END;

CREATE TRIGGER search_title_created AFTER INSERT ON conversation WHEN NEW.title IS NOT NULL
BEGIN
  INSERT INTO search_entry (account_id, conversation_id, seq, created_at) VALUES (NEW.account_id, NEW.id, 0, NEW.created_at);
  INSERT INTO search_index (rowid, scope, text)
  SELECT id, scope, text FROM search_text WHERE account_id = NEW.account_id AND conversation_id = NEW.id AND seq = 0;
END;

CREATE TRIGGER search_title_left BEFORE UPDATE OF title ON conversation WHEN OLD.title IS NOT NULL AND NEW.title IS NOT OLD.title
BEGIN
  INSERT INTO search_index (search_index, rowid, scope, text)
  SELECT 'delete', id, scope, text FROM search_text WHERE account_id = OLD.account_id AND conversation_id = OLD.id AND seq = 0;
  DELETE FROM search_entry WHERE account_id = OLD.account_id AND conversation_id = OLD.id AND seq = 0;
END;

CREATE TRIGGER search_title_changed AFTER UPDATE OF title ON conversation WHEN NEW.title IS NOT NULL AND NEW.title IS NOT OLD.title
BEGIN
  INSERT INTO search_entry (account_id, conversation_id, seq, created_at) VALUES (NEW.account_id, NEW.id, 0, NEW.created_at);
  INSERT INTO search_index (rowid, scope, text)
  SELECT id, scope, text FROM search_text WHERE account_id = NEW.account_id AND conversation_id = NEW.id AND seq = 0;
END;

CREATE TRIGGER search_title_deleted BEFORE DELETE ON conversation WHEN OLD.title IS NOT NULL
BEGIN
  INSERT INTO search_index (search_index, rowid, scope, text)
  SELECT 'delete', id, scope, text FROM search_text WHERE account_id = OLD.account_id AND conversation_id = OLD.id AND seq = 0;
  DELETE FROM search_entry WHERE account_id = OLD.account_id AND conversation_id = OLD.id AND seq = 0;
END;

-- What was written before there was a search.
INSERT INTO search_entry (account_id, conversation_id, seq, role, created_at)
SELECT account_id, conversation_id, seq, role, created_at FROM message
UNION ALL
SELECT account_id, id, 0, NULL, created_at FROM conversation WHERE title IS NOT NULL
ORDER BY created_at;

INSERT INTO search_index (rowid, scope, text)
SELECT id, scope, text FROM search_text ORDER BY id;
