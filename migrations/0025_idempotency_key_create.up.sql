-- Answers that are given again when a request is repeated with the same Idempotency-Key. A row is written in the transaction of what it
-- answers for.
CREATE TABLE idempotency_key (
  number INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  -- Derived from the key that the client sent, which is not kept (see crates/idempotency).
  name BLOB NOT NULL,
  -- The path as the route table declares it, for whoever looks into the table.
  route TEXT NOT NULL,
  -- Method, path, query and body of the request, under a secret that is derived from the key.
  fingerprint BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  status INTEGER NOT NULL,
  etag TEXT,
  -- The answer: as text, or sealed when it holds a secret; neither once the thing that it tells of is gone.
  body TEXT,
  sealed_body BLOB,
  -- The id of that thing.
  about TEXT,
  CONSTRAINT idempotency_key_pk PRIMARY KEY (number),
  CONSTRAINT idempotency_key_name_unique UNIQUE (account_id, user_id, name),
  CONSTRAINT idempotency_key_membership FOREIGN KEY (account_id, user_id) REFERENCES membership (account_id, user_id) ON DELETE CASCADE,
  CONSTRAINT idempotency_key_name_length CHECK (length(name) = 32),
  CONSTRAINT idempotency_key_fingerprint_length CHECK (length(fingerprint) = 32),
  CONSTRAINT idempotency_key_success CHECK (status BETWEEN 200 AND 299),
  CONSTRAINT idempotency_key_one_body CHECK (body IS NULL OR sealed_body IS NULL)
) STRICT;

-- The sweep.
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);

-- Erasing what tells of a thing.
CREATE INDEX idempotency_key_by_thing ON idempotency_key (account_id, about) WHERE about IS NOT NULL;

-- Answers are kept for 24 hours. Each new one takes a few that are older with it, so that the table shrinks as fast as it grows.
CREATE TRIGGER idempotency_key_sweep AFTER INSERT ON idempotency_key
BEGIN
  DELETE FROM idempotency_key
  WHERE number IN (
    SELECT old.number FROM idempotency_key AS old
    WHERE old.created_at <= NEW.created_at - 86400000
    ORDER BY old.created_at
    LIMIT 8
  );
END;

CREATE TRIGGER conversation_erases_answers AFTER DELETE ON conversation
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;

CREATE TRIGGER conversation_end_erases_answers AFTER UPDATE OF deleted_at ON conversation
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = NEW.account_id AND about = NEW.id;
END;

CREATE TRIGGER memory_erases_answers AFTER DELETE ON memory
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;
