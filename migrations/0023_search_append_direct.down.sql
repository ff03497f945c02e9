DROP TRIGGER search_message_appended;

CREATE TRIGGER search_message_appended AFTER INSERT ON message
BEGIN
  INSERT INTO search_entry (account_id, conversation_id, seq, role, created_at)
  VALUES (NEW.account_id, NEW.conversation_id, NEW.seq, NEW.role, NEW.created_at);
  INSERT INTO search_index (rowid, scope, text)
  SELECT id, scope, text
  FROM search_text
  WHERE account_id = NEW.account_id AND conversation_id = NEW.conversation_id AND seq = NEW.seq;
END;
