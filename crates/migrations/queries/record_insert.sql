-- The checksum becomes NULL, which the table refuses, unless this is the next version: who comes second takes no part of a batch.
INSERT INTO schema_migration (version, name, checksum, applied_at)
SELECT
    ?1,
    ?2,
    CASE WHEN (SELECT coalesce(max(version), 0) FROM schema_migration) = ?1 - 1 THEN ?3 END,
    ?4
