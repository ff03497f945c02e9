-- One sign-in on one device for one account. The reference to membership is what ends a session when its person leaves the account.
CREATE TABLE session (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  -- However often it is refreshed, a session ends here.
  expires_at INTEGER NOT NULL,
  -- Set means over: access tokens and refresh tokens of the session are dead with the next request.
  revoked_at INTEGER,
  CONSTRAINT session_pk PRIMARY KEY (account_id, id),
  CONSTRAINT session_membership FOREIGN KEY (account_id, user_id) REFERENCES membership (account_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The devices of a person, and the cascade from membership.
CREATE INDEX session_by_user ON session (user_id, account_id);

-- A session's chain of refresh tokens: each is spent once and names its successor, which is how reuse is noticed.
CREATE TABLE refresh_token (
  -- SHA-256 of the token. Tokens are 256 random bits, so a plain hash cannot be searched backwards.
  token_hash BLOB NOT NULL,
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- The idle limit: a token that was not used by then is dead, although its session may live on.
  expires_at INTEGER NOT NULL,
  spent_at INTEGER,
  successor_hash BLOB,
  CONSTRAINT refresh_token_pk PRIMARY KEY (token_hash),
  CONSTRAINT refresh_token_session FOREIGN KEY (account_id, session_id) REFERENCES session (account_id, id) ON DELETE CASCADE,
  CONSTRAINT refresh_token_hash_length CHECK (length(token_hash) = 32),
  CONSTRAINT refresh_token_successor_length CHECK (length(successor_hash) = 32),
  CONSTRAINT refresh_token_successor_spent CHECK (successor_hash IS NULL OR spent_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- The cascade from session.
CREATE INDEX refresh_token_by_session ON refresh_token (account_id, session_id);
