-- Who may read what is in it: the account that a file is of, or everybody who knows where it is.
ALTER TABLE bucket ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private' CONSTRAINT bucket_visibility CHECK (visibility IN ('private', 'public'));
