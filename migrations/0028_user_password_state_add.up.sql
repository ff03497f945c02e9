-- Set when the stored hash may not cover the whole password: bcrypt looks at 72 bytes. Until they choose another one, a person who has signed
-- in can do nothing else.
ALTER TABLE user ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0
  CONSTRAINT user_must_change_password_flag CHECK (must_change_password IN (0, 1));

-- The people whose hash was not made as hashes are made today, so that verifying it takes another time. Empty once all have signed in.
CREATE INDEX user_by_legacy_hash ON user (id)
WHERE substr(password_hash, 1, 31) <> '$argon2id$v=19$m=19456,t=2,p=1$';
