DROP TRIGGER message_named;

ALTER TABLE message DROP COLUMN title;

DROP TRIGGER message_branched;

DROP TABLE message_run;
