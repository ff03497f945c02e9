-- What a person recognizes a device by in the list of sessions. Both come from the request and prove nothing.
ALTER TABLE session ADD COLUMN user_agent TEXT;
ALTER TABLE session ADD COLUMN ip TEXT;
