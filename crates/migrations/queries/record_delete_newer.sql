DELETE FROM schema_migration WHERE ?1 < version
