DROP TRIGGER account_takes_audit_along;
DROP TABLE audit_entry;
