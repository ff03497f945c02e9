-- A new key is published before it signs, so that whoever keeps the published set for its five minutes knows the key when it meets it.
ALTER TABLE signing_key ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
