-- Until when a file that is not complete may become so; whatever writes it moves this on. No meaning afterwards.
ALTER TABLE file ADD COLUMN pending_until INTEGER NOT NULL DEFAULT 0;

-- What a client of the OpenAI interface says that the file is for.
ALTER TABLE file ADD COLUMN purpose TEXT NOT NULL DEFAULT 'user_data';

-- The sweep of what never became complete.
CREATE INDEX file_pending ON file (account_id, pending_until) WHERE state = 'pending';

-- Whoever changes buckets looks for files in them.
CREATE INDEX file_by_bucket ON file (bucket);

-- A run of bytes of a file that one request has written: all of it, or one part of an upload in parts. The bytes are in chunks of 512 KiB in
-- the chunk store, under the keys account/file/part/0, 1, 2, …
CREATE TABLE file_part (
  account_id TEXT NOT NULL,
  file_id TEXT NOT NULL,
  id TEXT NOT NULL,
  -- Its place in the file, from 1. None while it is written, and until it is said where it goes.
  number INTEGER,
  -- While it is written: how many bytes there may be by now. The chunks follow from it.
  size_bytes INTEGER NOT NULL,
  sha256 BLOB,
  -- The BLAKE3 of each chunk, one after the other.
  chunk_digests BLOB,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Whoever writes says so here every minute, and stops when the row is gone.
  touched_at INTEGER NOT NULL,
  CONSTRAINT file_part_pk PRIMARY KEY (account_id, file_id, id),
  CONSTRAINT file_part_number_unique UNIQUE (account_id, file_id, number),
  CONSTRAINT file_part_file FOREIGN KEY (account_id, file_id) REFERENCES file (account_id, id) ON DELETE CASCADE,
  CONSTRAINT file_part_number_positive CHECK (number > 0),
  CONSTRAINT file_part_size_bytes CHECK (size_bytes >= 0),
  CONSTRAINT file_part_state CHECK (state IN ('writing', 'whole')),
  CONSTRAINT file_part_whole CHECK (
    state = 'writing' OR (length(sha256) = 32 AND length(chunk_digests) = 32 * ((size_bytes + 524287) / 524288))
  )
) STRICT, WITHOUT ROWID;

-- A file that arrives in parts.
CREATE TABLE upload (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  file_id TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  -- What the whole must have, if that was said in advance.
  sha256 BLOB,
  -- How long every part but the last is. None: as long as the client likes, in the order that it says in the end.
  part_bytes INTEGER,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  CONSTRAINT upload_pk PRIMARY KEY (account_id, id),
  CONSTRAINT upload_file_unique UNIQUE (account_id, file_id),
  CONSTRAINT upload_file FOREIGN KEY (account_id, file_id) REFERENCES file (account_id, id) ON DELETE CASCADE,
  CONSTRAINT upload_size_bytes CHECK (size_bytes >= 0),
  CONSTRAINT upload_sha256_length CHECK (length(sha256) = 32),
  CONSTRAINT upload_part_bytes CHECK (part_bytes > 0)
) STRICT, WITHOUT ROWID;

-- How much each account stores, with what it has reserved for files on their way.
CREATE TABLE file_usage (
  account_id TEXT NOT NULL,
  files INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  CONSTRAINT file_usage_pk PRIMARY KEY (account_id),
  CONSTRAINT file_usage_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT file_usage_files CHECK (files >= 0),
  CONSTRAINT file_usage_size_bytes CHECK (size_bytes >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO file_usage (account_id, files, size_bytes)
SELECT account_id, count(*), sum(size_bytes)
FROM file
GROUP BY account_id;

CREATE TRIGGER file_insert_counts AFTER INSERT ON file
BEGIN
  INSERT INTO file_usage (account_id, files, size_bytes)
  VALUES (NEW.account_id, 1, NEW.size_bytes)
  ON CONFLICT (account_id) DO UPDATE SET files = files + 1, size_bytes = size_bytes + excluded.size_bytes;
END;

CREATE TRIGGER file_update_counts AFTER UPDATE OF size_bytes ON file
BEGIN
  UPDATE file_usage
  SET size_bytes = size_bytes + NEW.size_bytes - OLD.size_bytes
  WHERE account_id = NEW.account_id;
END;

CREATE TRIGGER file_delete_counts AFTER DELETE ON file
BEGIN
  UPDATE file_usage
  SET files = files - 1, size_bytes = size_bytes - OLD.size_bytes
  WHERE account_id = OLD.account_id;
END;

-- Chunks that nothing names any more. It belongs to no account: it outlives the one whose files these were.
CREATE TABLE chunk_removal (
  -- What their keys begin with.
  prefix TEXT NOT NULL,
  -- How many there are at most.
  chunks INTEGER NOT NULL,
  -- Not before this time: until then whoever writes them may not have noticed.
  due_at INTEGER NOT NULL,
  CONSTRAINT chunk_removal_pk PRIMARY KEY (prefix)
) STRICT, WITHOUT ROWID;

CREATE INDEX chunk_removal_by_due_at ON chunk_removal (due_at);

-- Whatever takes a part away, be it the end of its account, leaves word of its chunks.
CREATE TRIGGER file_part_leaves_chunks AFTER DELETE ON file_part
WHEN OLD.size_bytes > 0
BEGIN
  INSERT INTO chunk_removal (prefix, chunks, due_at)
  VALUES (
    OLD.account_id || '/' || OLD.file_id || '/' || OLD.id,
    (OLD.size_bytes + 524287) / 524288,
    CASE OLD.state WHEN 'writing' THEN OLD.touched_at + 300000 ELSE 0 END
  );
END;

CREATE TRIGGER file_erases_answers AFTER DELETE ON file
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;
