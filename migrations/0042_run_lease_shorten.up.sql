-- A lease lasts 20 seconds: the account gets back what a dead producer had reserved within seconds.
DROP TRIGGER run_event_appended;

CREATE TRIGGER run_event_appended AFTER INSERT ON run_event
BEGIN
  UPDATE run
  SET last_event = NEW.last_event,
    lease_until = max(lease_until, NEW.created_at + 20000),
    updated_at = max(updated_at, NEW.created_at)
  WHERE account_id = NEW.account_id AND id = NEW.run_id;
END;

-- A reservation of a run lasts as long as the run's lease.
CREATE TRIGGER run_lease_renews_reservation AFTER UPDATE OF lease_until ON run
WHEN NEW.status = 'running' AND NEW.lease_until > OLD.lease_until
BEGIN
  UPDATE usage_reservation
  SET expires_at = max(expires_at, NEW.lease_until)
  WHERE account_id = NEW.account_id AND run_id = NEW.id;
END;
