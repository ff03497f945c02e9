DROP TRIGGER account_takes_checkpoints_along;

DROP TABLE audit_checkpoint;
