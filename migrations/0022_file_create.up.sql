-- Where files go, and which may go there. Buckets are the platform's: all accounts have the same.
CREATE TABLE bucket (
  name TEXT NOT NULL,
  file_bytes_max INTEGER NOT NULL,
  -- A JSON array of media types; `image/*` stands for all images.
  mime_types TEXT NOT NULL,
  CONSTRAINT bucket_pk PRIMARY KEY (name),
  CONSTRAINT bucket_file_bytes_max_positive CHECK (file_bytes_max > 0),
  CONSTRAINT bucket_mime_types_json CHECK (json_valid(mime_types) AND json_type(mime_types) = 'array')
) STRICT, WITHOUT ROWID;

INSERT INTO bucket (name, file_bytes_max, mime_types)
VALUES
  ('user-files', 52428800, '["text/*","application/pdf","image/*"]'),
  ('generated-files', 10485760, '["text/*","application/json"]');

-- What is known of a file. Its bytes are kept elsewhere.
CREATE TABLE file (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  bucket TEXT NOT NULL,
  name TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  -- Of the bytes; known when they are all there.
  sha256 BLOB,
  metadata TEXT NOT NULL DEFAULT '{}',
  -- Nobody sees a file that is not complete.
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CONSTRAINT file_pk PRIMARY KEY (account_id, id),
  CONSTRAINT file_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT file_bucket FOREIGN KEY (bucket) REFERENCES bucket (name),
  CONSTRAINT file_size_bytes CHECK (size_bytes >= 0),
  CONSTRAINT file_sha256_length CHECK (length(sha256) = 32),
  CONSTRAINT file_metadata_json CHECK (json_valid(metadata)),
  CONSTRAINT file_state CHECK (state IN ('pending', 'complete')),
  CONSTRAINT file_complete_has_sha256 CHECK (state = 'pending' OR sha256 IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Which files belong to which conversations, many to many. Neither goes with the other: only this does, with either.
CREATE TABLE conversation_file (
  account_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  file_id TEXT NOT NULL,
  attached_at INTEGER NOT NULL,
  CONSTRAINT conversation_file_pk PRIMARY KEY (account_id, conversation_id, file_id),
  CONSTRAINT conversation_file_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT conversation_file_file FOREIGN KEY (account_id, file_id) REFERENCES file (account_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The cascade from file.
CREATE INDEX conversation_file_by_file ON conversation_file (account_id, file_id);

-- A conversation that is gone lets go of its files at once.
CREATE TRIGGER conversation_deleted_detaches AFTER UPDATE OF deleted_at ON conversation
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  DELETE FROM conversation_file WHERE account_id = NEW.account_id AND conversation_id = NEW.id;
END;
