-- A person. What people own hangs on accounts; a person reaches it through memberships.
CREATE TABLE user (
  id TEXT NOT NULL,
  -- Kept in lower case; the collation is the second lock on the door against two people with one address.
  email TEXT NOT NULL COLLATE NOCASE,
  email_verified INTEGER NOT NULL DEFAULT 0,
  -- Kept as it was typed, unique whatever its case. It never holds an @, so it cannot be mistaken for an address.
  username TEXT COLLATE NOCASE,
  name TEXT,
  auth_provider TEXT NOT NULL DEFAULT 'local',
  -- A PHC string; NULL for people who sign in elsewhere.
  password_hash TEXT,
  is_active INTEGER NOT NULL DEFAULT 1,
  is_admin INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_login_at INTEGER,
  CONSTRAINT user_pk PRIMARY KEY (id),
  CONSTRAINT user_email_unique UNIQUE (email),
  CONSTRAINT user_username_unique UNIQUE (username),
  CONSTRAINT user_email_length CHECK (length(email) BETWEEN 3 AND 254),
  CONSTRAINT user_username_plain CHECK (instr(username, '@') = 0),
  CONSTRAINT user_email_verified_flag CHECK (email_verified IN (0, 1)),
  CONSTRAINT user_is_active_flag CHECK (is_active IN (0, 1)),
  CONSTRAINT user_is_admin_flag CHECK (is_admin IN (0, 1))
) STRICT, WITHOUT ROWID;
