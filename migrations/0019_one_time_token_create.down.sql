DROP TABLE one_time_token;
