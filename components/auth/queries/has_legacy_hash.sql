-- Whether anybody's hash takes another time to verify than those of today. The index holds these people alone; the id is named so that
-- its beginning is looked at and not its length.
SELECT EXISTS (
  SELECT 1
  FROM user INDEXED BY user_by_legacy_hash
  WHERE substr(password_hash, 1, 31) <> '$argon2id$v=19$m=19456,t=2,p=1$'
    AND id > ''
) AS has_legacy
