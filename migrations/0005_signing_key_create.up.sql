-- The public halves of the keys that sign access tokens. The secret half is derived from the master key and the generation when it is
-- needed and stored nowhere. Components that only verify read this table and never see the master key.
CREATE TABLE signing_key (
  -- The RFC 7638 thumbprint of the public key.
  kid TEXT NOT NULL,
  -- Counts from 1. Unique, so that of many instances that all want the next key exactly one makes it.
  generation INTEGER NOT NULL,
  root_key_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  -- From this moment on the key verifies nothing.
  retired_at INTEGER,
  CONSTRAINT signing_key_pk PRIMARY KEY (kid),
  CONSTRAINT signing_key_generation_unique UNIQUE (generation),
  CONSTRAINT signing_key_root_key FOREIGN KEY (root_key_id) REFERENCES root_key (id),
  CONSTRAINT signing_key_generation_positive CHECK (generation > 0),
  CONSTRAINT signing_key_public_key_length CHECK (length(public_key) = 32)
) STRICT, WITHOUT ROWID;
