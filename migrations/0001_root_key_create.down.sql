DROP TABLE root_key;
