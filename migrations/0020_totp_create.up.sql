-- The second factor of a person: a secret shared with an authenticator app.
CREATE TABLE totp (
  user_id TEXT NOT NULL,
  -- The secret, encrypted under a key derived from this root key, bound to this person.
  root_key_id TEXT NOT NULL,
  sealed_secret BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  -- Set by the first right code; until then nothing asks for one.
  confirmed_at INTEGER,
  -- The time step of the last code that was accepted: no code counts twice, and none that is older.
  last_step INTEGER NOT NULL DEFAULT 0,
  -- The session that the last code or recovery code opened. The statement that writes a session of a person with a second factor asks
  -- for its own id here, so that no way to sign in can pass by.
  proven_session_id TEXT,
  CONSTRAINT totp_pk PRIMARY KEY (user_id),
  CONSTRAINT totp_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT totp_root_key FOREIGN KEY (root_key_id) REFERENCES root_key (id)
) STRICT, WITHOUT ROWID;

-- What opens the door when the app is lost: each code once.
CREATE TABLE recovery_code (
  user_id TEXT NOT NULL,
  -- SHA-256 of the code, which is 120 random bits.
  code_hash BLOB NOT NULL,
  used_at INTEGER,
  used_session_id TEXT,
  CONSTRAINT recovery_code_pk PRIMARY KEY (user_id, code_hash),
  CONSTRAINT recovery_code_totp FOREIGN KEY (user_id) REFERENCES totp (user_id) ON DELETE CASCADE,
  CONSTRAINT recovery_code_hash_length CHECK (length(code_hash) = 32)
) STRICT, WITHOUT ROWID;
