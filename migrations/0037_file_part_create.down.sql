DROP TRIGGER file_erases_answers;

DROP TRIGGER file_part_leaves_chunks;
DROP TABLE chunk_removal;

DROP TRIGGER file_delete_counts;
DROP TRIGGER file_update_counts;
DROP TRIGGER file_insert_counts;
DROP TABLE file_usage;

DROP TABLE upload;
DROP TABLE file_part;

DROP INDEX file_by_bucket;
DROP INDEX file_pending;
ALTER TABLE file DROP COLUMN purpose;
ALTER TABLE file DROP COLUMN pending_until;
