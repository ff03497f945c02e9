ALTER TABLE one_time_token RENAME TO one_time_token_before;

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

INSERT INTO one_time_token (user_id, purpose, token_hash, email, created_at, expires_at)
SELECT user_id, purpose, token_hash, email, created_at, expires_at FROM one_time_token_before WHERE purpose <> 'change';

DROP TABLE one_time_token_before;
