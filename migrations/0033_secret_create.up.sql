-- The keys that wrap the keys of secrets, by the name under which rows mention them. The keys themselves are never here.
CREATE TABLE kek (
  id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Set once nothing is wrapped with it any more; from then on nothing ever is.
  retired_at INTEGER,
  CONSTRAINT kek_pk PRIMARY KEY (id),
  CONSTRAINT kek_id_length CHECK (length(id) BETWEEN 1 AND 64)
) STRICT, WITHOUT ROWID;

-- Everything that is sealed, in one place, so that a rotation of keys knows where to look. A secret has the id of the thing that it is the
-- secret of, and goes with it: that thing's table deletes it by a trigger.
CREATE TABLE secret (
  id TEXT NOT NULL,
  -- NULL for what belongs to the deployment.
  account_id TEXT,
  kind TEXT NOT NULL,
  -- What the value's own key is wrapped with, and that key, wrapped.
  kek_id TEXT NOT NULL,
  wrapped_dek BLOB NOT NULL,
  -- The value (see crates/vault). A rotation leaves it as it is.
  sealed BLOB NOT NULL,
  -- The last characters of long values, so that people recognize them.
  last_four TEXT,
  created_at INTEGER NOT NULL,
  -- When this version of the value was given.
  updated_at INTEGER NOT NULL,
  CONSTRAINT secret_pk PRIMARY KEY (id),
  CONSTRAINT secret_account_unique UNIQUE (account_id, id),
  CONSTRAINT secret_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT secret_kek FOREIGN KEY (kek_id) REFERENCES kek (id),
  CONSTRAINT secret_kind CHECK (kind IN ('key', 'model', 'mcp_server')),
  CONSTRAINT secret_last_four_length CHECK (length(last_four) = 4)
) STRICT, WITHOUT ROWID;

-- Rotation, and whether a key may retire.
CREATE INDEX secret_by_kek ON secret (kek_id, id);

-- An instance that was started before a rotation must not bring a key back that its operator is about to destroy.
CREATE TRIGGER secret_insert_kek_retired BEFORE INSERT ON secret
WHEN EXISTS (SELECT 1 FROM kek WHERE id = NEW.kek_id AND retired_at IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: kek_retired');
END;

CREATE TRIGGER secret_update_kek_retired BEFORE UPDATE OF kek_id ON secret
WHEN EXISTS (SELECT 1 FROM kek WHERE id = NEW.kek_id AND retired_at IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: kek_retired');
END;
