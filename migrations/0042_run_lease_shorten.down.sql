DROP TRIGGER run_lease_renews_reservation;

DROP TRIGGER run_event_appended;

CREATE TRIGGER run_event_appended AFTER INSERT ON run_event
BEGIN
  UPDATE run
  SET last_event = NEW.last_event,
    lease_until = max(lease_until, NEW.created_at + 30000),
    updated_at = max(updated_at, NEW.created_at)
  WHERE account_id = NEW.account_id AND id = NEW.run_id;
END;
