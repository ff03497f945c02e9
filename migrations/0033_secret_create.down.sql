DROP TRIGGER secret_update_kek_retired;
DROP TRIGGER secret_insert_kek_retired;

DROP TABLE secret;
DROP TABLE kek;
