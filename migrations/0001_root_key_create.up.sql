-- Which master keys this database was written under. The keys themselves are never here: only a fingerprint derived from each, so that
-- a wrong key is refused at once and in words, instead of as data that does not decrypt.
CREATE TABLE root_key (
  id TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  CONSTRAINT root_key_pk PRIMARY KEY (id),
  CONSTRAINT root_key_fingerprint_length CHECK (length(fingerprint) = 32)
) STRICT, WITHOUT ROWID;
