INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', 0);

INSERT INTO memory_index (memory_index, rank) VALUES ('secure-delete', 0);
