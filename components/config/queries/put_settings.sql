-- ?5 is a JSON array of the versions that may be overwritten, NULL for any. No row: it is in another version.
INSERT INTO account_settings (account_id, version, schema_version, document, updated_at)
SELECT ?1, 1, ?2, ?3, ?4
WHERE ?5 IS NULL
  OR coalesce((SELECT s.version FROM account_settings AS s WHERE s.account_id = ?1), 0) IN (SELECT value FROM json_each(?5))
ON CONFLICT (account_id) DO UPDATE
SET schema_version = excluded.schema_version, document = excluded.document, version = version + 1, updated_at = excluded.updated_at
RETURNING version
