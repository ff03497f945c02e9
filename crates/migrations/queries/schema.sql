-- SQLite's own objects follow from these, and the record of migrations is not part of the schema that they make.
SELECT type, name, tbl_name, coalesce(sql, '') AS sql
FROM sqlite_master
WHERE substr(name, 1, 7) <> 'sqlite_' AND name <> 'schema_migration'
ORDER BY type, name
