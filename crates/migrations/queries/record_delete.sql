DELETE FROM schema_migration WHERE version IN (0, ?1)
