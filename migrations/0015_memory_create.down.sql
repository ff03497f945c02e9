DROP TRIGGER memory_source_deleted;

DROP TRIGGER memory_deleted;

DROP TRIGGER memory_changed;

DROP TRIGGER memory_created;

DROP TABLE memory_index;

DROP TABLE memory;
