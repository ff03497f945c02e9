-- Keys with which programs act for a person in one account. The reference to membership is what ends a key when its maker leaves.
CREATE TABLE api_key (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  -- Who made it. A key never may more than its maker may at that moment.
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- How the token begins, so that people recognize it in a list; too short to help in guessing the rest.
  prefix TEXT NOT NULL,
  -- SHA-256 of the token. Tokens are 256 random bits, so a plain hash cannot be searched backwards.
  token_hash BLOB NOT NULL,
  -- Names separated by single spaces, as OAuth writes them (RFC 6749 section 3.3).
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- Exact to the minute: each use would otherwise be a write.
  last_used_at INTEGER,
  CONSTRAINT api_key_pk PRIMARY KEY (account_id, id),
  CONSTRAINT api_key_token_unique UNIQUE (token_hash),
  CONSTRAINT api_key_membership FOREIGN KEY (account_id, user_id) REFERENCES membership (account_id, user_id) ON DELETE CASCADE,
  CONSTRAINT api_key_hash_length CHECK (length(token_hash) = 32)
) STRICT, WITHOUT ROWID;

-- A person's keys in an account, and the cascade from membership.
CREATE INDEX api_key_by_user ON api_key (account_id, user_id, id);
