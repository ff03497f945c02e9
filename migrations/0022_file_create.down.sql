DROP TRIGGER conversation_deleted_detaches;

DROP TABLE conversation_file;

DROP TABLE file;

DROP TABLE bucket;
