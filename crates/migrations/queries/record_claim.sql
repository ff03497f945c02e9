-- A row of version 0 that the table refuses unless ?1 is the newest version; record_delete removes it in the same batch.
INSERT INTO schema_migration (version, name, checksum, applied_at)
SELECT
    0,
    'down',
    CASE WHEN (SELECT max(version) FROM schema_migration) = ?1 THEN 'claim' END,
    0
