-- Who did what, when, from where: append-only, one chain per account. `account_id` is `platform` for what concerns no account; that is
-- why it references nothing, and why a trigger takes the entries of an account away with it.
CREATE TABLE audit_entry (
  account_id TEXT NOT NULL,
  -- 1, 2, 3, … within the account. Unique, so that of two entries that were chained to the same predecessor one is refused.
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  ip TEXT,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '{}',
  -- SHA-256 over the predecessor's hash and all columns above (see crates/audit).
  hash BLOB NOT NULL,
  CONSTRAINT audit_entry_pk PRIMARY KEY (account_id, seq),
  CONSTRAINT audit_entry_seq_positive CHECK (seq > 0),
  CONSTRAINT audit_entry_outcome CHECK (outcome IN ('success', 'failure', 'denied')),
  CONSTRAINT audit_entry_detail_json CHECK (json_valid(detail)),
  CONSTRAINT audit_entry_hash_length CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- The log of one kind of action.
CREATE INDEX audit_entry_by_action ON audit_entry (account_id, action, seq);

CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM audit_entry WHERE account_id = NEW.account_id), 0)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_entry_follows');
END;

CREATE TRIGGER audit_entry_stays BEFORE UPDATE ON audit_entry
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_entry_stays');
END;

-- Entries leave with their account and in no other way. When this trigger runs for them the account's row is already gone.
CREATE TRIGGER audit_entry_remains BEFORE DELETE ON audit_entry
WHEN OLD.account_id = 'platform' OR EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_entry_remains');
END;

CREATE TRIGGER account_takes_audit_along AFTER DELETE ON account
BEGIN
  DELETE FROM audit_entry WHERE account_id = OLD.id;
END;
