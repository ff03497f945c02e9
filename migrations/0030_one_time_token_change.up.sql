-- A third purpose: a token that makes the address that it was sent to the person's. A constraint cannot be changed in place.
ALTER TABLE one_time_token RENAME TO one_time_token_before;

CREATE TABLE one_time_token (
  user_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  -- SHA-256 of the token, which is 256 random bits.
  token_hash BLOB NOT NULL,
  -- Where it was sent. Unless it changes the address, it counts only while that is the person's.
  email TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  CONSTRAINT one_time_token_pk PRIMARY KEY (user_id, purpose),
  CONSTRAINT one_time_token_hash_unique UNIQUE (token_hash),
  CONSTRAINT one_time_token_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT one_time_token_purpose CHECK (purpose IN ('reset', 'verify', 'change')),
  CONSTRAINT one_time_token_hash_length CHECK (length(token_hash) = 32)
) STRICT, WITHOUT ROWID;

INSERT INTO one_time_token (user_id, purpose, token_hash, email, created_at, expires_at)
SELECT user_id, purpose, token_hash, email, created_at, expires_at FROM one_time_token_before;

DROP TABLE one_time_token_before;
