INSERT INTO schema_migration (version, name, checksum, applied_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum
