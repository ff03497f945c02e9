-- Someone may join an account. The reference to membership is what ends an invitation when whoever sent it leaves.
CREATE TABLE invitation (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  -- In its one form, as in user.
  email TEXT NOT NULL COLLATE NOCASE,
  role TEXT NOT NULL,
  invited_by TEXT NOT NULL,
  -- SHA-256 of the token in the mail.
  token_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  CONSTRAINT invitation_pk PRIMARY KEY (account_id, id),
  -- A newer invitation takes the place of the one before.
  CONSTRAINT invitation_email_unique UNIQUE (account_id, email),
  CONSTRAINT invitation_token_unique UNIQUE (token_hash),
  CONSTRAINT invitation_membership FOREIGN KEY (account_id, invited_by) REFERENCES membership (account_id, user_id) ON DELETE CASCADE,
  CONSTRAINT invitation_role CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  CONSTRAINT invitation_hash_length CHECK (length(token_hash) = 32)
) STRICT, WITHOUT ROWID;

-- The cascade from membership.
CREATE INDEX invitation_by_inviter ON invitation (account_id, invited_by);

-- An account always has an owner. It ends by an owner's decision or with a person, and then its row or the person's is gone before the
-- membership is: nobody is left behind in an account without an owner.
CREATE TRIGGER membership_keeps_an_owner_on_update BEFORE UPDATE OF role ON membership
WHEN OLD.role = 'owner' AND NEW.role <> 'owner'
  AND NOT EXISTS (
    SELECT 1 FROM membership WHERE account_id = OLD.account_id AND role = 'owner' AND user_id <> OLD.user_id
  )
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: membership_keeps_an_owner');
END;

CREATE TRIGGER membership_keeps_an_owner_on_delete BEFORE DELETE ON membership
WHEN OLD.role = 'owner'
  AND NOT EXISTS (
    SELECT 1 FROM membership WHERE account_id = OLD.account_id AND role = 'owner' AND user_id <> OLD.user_id
  )
  AND EXISTS (
    SELECT 1 FROM account
    WHERE id = OLD.account_id
      AND (
        (kind = 'team' AND EXISTS (SELECT 1 FROM user WHERE id = OLD.user_id))
        OR EXISTS (SELECT 1 FROM membership WHERE account_id = OLD.account_id AND user_id <> OLD.user_id)
      )
  )
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: membership_keeps_an_owner');
END;
