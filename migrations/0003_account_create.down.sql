DROP TABLE membership;
DROP TABLE account;
