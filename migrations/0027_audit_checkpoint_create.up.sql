-- Signed ends of logs. Whoever can write to the database can compute a chain of hashes anew, but not these signatures.
CREATE TABLE audit_checkpoint (
  account_id TEXT NOT NULL,
  -- 1, 2, 3, … within the log: a gap shows that one was removed.
  number INTEGER NOT NULL,
  -- The last entry, and its hash.
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  -- Which root key the signing key is derived from. No reference: a key that was retired still tells by its name which one it was.
  root_key_id TEXT NOT NULL,
  -- Ed25519 over all columns above (see crates/audit).
  signature BLOB NOT NULL,
  CONSTRAINT audit_checkpoint_pk PRIMARY KEY (account_id, number),
  CONSTRAINT audit_checkpoint_number_positive CHECK (number > 0),
  CONSTRAINT audit_checkpoint_seq_positive CHECK (seq > 0),
  CONSTRAINT audit_checkpoint_hash_length CHECK (length(hash) = 32),
  CONSTRAINT audit_checkpoint_signature_length CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_checkpoint_follows BEFORE INSERT ON audit_checkpoint
WHEN EXISTS (SELECT 1 FROM audit_checkpoint WHERE account_id = NEW.account_id AND number >= NEW.number)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_checkpoint_follows');
END;

CREATE TRIGGER audit_checkpoint_stays BEFORE UPDATE ON audit_checkpoint
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_checkpoint_stays');
END;

-- As with entries: checkpoints leave with their account and in no other way.
CREATE TRIGGER audit_checkpoint_remains BEFORE DELETE ON audit_checkpoint
WHEN OLD.account_id = 'platform' OR EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: audit_checkpoint_remains');
END;

CREATE TRIGGER account_takes_checkpoints_along AFTER DELETE ON account
BEGIN
  DELETE FROM audit_checkpoint WHERE account_id = OLD.id;
END;
