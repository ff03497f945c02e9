-- A token that was sent by mail and can be used once. At most one for each purpose: a newer one replaces the older.
CREATE TABLE one_time_token (
  user_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  -- SHA-256 of the token, which is 256 random bits.
  token_hash BLOB NOT NULL,
  -- Where it was sent. It counts only while that is the person's address.
  email TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  CONSTRAINT one_time_token_pk PRIMARY KEY (user_id, purpose),
  CONSTRAINT one_time_token_hash_unique UNIQUE (token_hash),
  CONSTRAINT one_time_token_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT one_time_token_purpose CHECK (purpose IN ('reset', 'verify')),
  CONSTRAINT one_time_token_hash_length CHECK (length(token_hash) = 32)
) STRICT, WITHOUT ROWID;
