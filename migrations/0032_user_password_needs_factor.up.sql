-- Whether the password is one that is long enough only beside a second factor. With the factor gone another must be chosen.
ALTER TABLE user ADD COLUMN password_needs_factor INTEGER NOT NULL DEFAULT 0 CHECK (password_needs_factor IN (0, 1));
