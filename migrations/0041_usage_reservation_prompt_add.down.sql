DROP TRIGGER usage_reservation_lapses;

ALTER TABLE usage_reservation DROP COLUMN input_tokens;
ALTER TABLE usage_reservation DROP COLUMN model;
ALTER TABLE usage_reservation DROP COLUMN provider;

CREATE TRIGGER usage_reservation_sweeps AFTER INSERT ON usage_reservation
BEGIN
  DELETE FROM usage_reservation WHERE account_id = NEW.account_id AND expires_at <= NEW.reserved_at;
END;
