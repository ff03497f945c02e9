-- What leaves leaves the indexes too, at once: without this FTS5 marks a word as deleted and keeps its bytes until segments are merged. Words
-- that were deleted before this migration go with the next merge of their segment.
INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', 1);

INSERT INTO memory_index (memory_index, rank) VALUES ('secure-delete', 1);
