DROP TABLE backoff;
