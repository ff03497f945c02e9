-- What data belongs to. Every table of tenants has account_id, and every statement on one names it.
CREATE TABLE account (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CONSTRAINT account_pk PRIMARY KEY (id),
  CONSTRAINT account_kind CHECK (kind IN ('personal', 'team'))
) STRICT, WITHOUT ROWID;

-- Who may do what in which account.
CREATE TABLE membership (
  account_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  CONSTRAINT membership_pk PRIMARY KEY (account_id, user_id),
  CONSTRAINT membership_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT membership_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT membership_role CHECK (role IN ('owner', 'admin', 'member', 'viewer'))
) STRICT, WITHOUT ROWID;

-- The accounts of a person: at sign-in, and for the cascade from user.
CREATE INDEX membership_by_user ON membership (user_id, account_id);
