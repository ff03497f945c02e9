DROP INDEX user_by_legacy_hash;

ALTER TABLE user DROP COLUMN must_change_password;
