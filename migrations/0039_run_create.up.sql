-- A model's work on an answer, from the message that it answers to its end.
CREATE TABLE run (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  -- Who asked; NULL when that person is gone.
  user_id TEXT,
  -- `queued`: nothing works on it, it waits for somebody's decision.
  status TEXT NOT NULL,
  model_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  -- What was asked for beside the message, as whoever goes on needs it.
  request TEXT NOT NULL,
  user_message_id TEXT,
  -- The newest message of the path that the run works on: what the next one answers.
  tip_message_id TEXT NOT NULL,
  -- The newest message that the model has said.
  message_id TEXT,
  -- A random number of whoever works on it. Who has another one has been taken for dead, and writes nothing any more.
  producer BLOB,
  -- Whoever works on it moves this on. Afterwards the next reader ends the run.
  lease_until INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  last_event INTEGER NOT NULL DEFAULT 0,
  -- The last event whose text stands in a message.
  told_event INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  -- Calls that wait for a decision: a JSON array.
  approvals TEXT NOT NULL DEFAULT '[]',
  -- Why it failed: a JSON object.
  failure TEXT,
  -- Whether all of its events but the last were removed.
  trimmed INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  ended_at INTEGER,
  CONSTRAINT run_pk PRIMARY KEY (account_id, id),
  CONSTRAINT run_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT run_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE SET NULL,
  CONSTRAINT run_status CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted')),
  CONSTRAINT run_provider CHECK (provider IN ('openai', 'anthropic', 'gemini', 'ollama', 'openai-compatible')),
  CONSTRAINT run_request_json CHECK (json_valid(request) AND json_type(request) = 'object'),
  CONSTRAINT run_approvals_json CHECK (json_valid(approvals) AND json_type(approvals) = 'array'),
  CONSTRAINT run_failure_json CHECK (json_valid(failure)),
  CONSTRAINT run_cancel_requested CHECK (cancel_requested IN (0, 1)),
  CONSTRAINT run_trimmed CHECK (trimmed IN (0, 1)),
  CONSTRAINT run_tokens CHECK (input_tokens >= 0 AND output_tokens >= 0),
  CONSTRAINT run_ended CHECK ((ended_at IS NULL) = (status IN ('queued', 'running'))),
  CONSTRAINT run_worked_on CHECK ((producer IS NULL) = (status <> 'running'))
) STRICT, WITHOUT ROWID;

-- What is at work or waits: how much an account has at once, and what whoever worked on it has left behind.
CREATE INDEX run_open ON run (account_id, lease_until) WHERE status IN ('queued', 'running');

-- The cascades from conversation and user.
CREATE INDEX run_by_conversation ON run (account_id, conversation_id);
CREATE INDEX run_by_user ON run (user_id) WHERE user_id IS NOT NULL;

-- Events that nobody needs any more.
CREATE INDEX run_by_end ON run (account_id, ended_at) WHERE ended_at IS NOT NULL AND trimmed = 0;

-- However many begin at once, eight at most are at work. What is left behind does not count.
CREATE TRIGGER run_insert_limit AFTER INSERT ON run
WHEN NEW.status = 'running'
  AND (
    SELECT count(*)
    FROM run
    WHERE account_id = NEW.account_id AND status = 'running' AND status IN ('queued', 'running') AND lease_until > NEW.updated_at
  ) > 8
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: run_limit');
END;

CREATE TRIGGER run_update_limit AFTER UPDATE OF status ON run
-- Who takes one over that was left behind only ends it.
WHEN NEW.status = 'running' AND OLD.status <> 'running' AND OLD.lease_until > NEW.updated_at
  AND (
    SELECT count(*)
    FROM run
    WHERE account_id = NEW.account_id AND status = 'running' AND status IN ('queued', 'running') AND lease_until > NEW.updated_at
  ) > 8
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: run_limit');
END;

-- What was sent, a batch of events in a row: whoever reads later reads this.
CREATE TABLE run_event (
  account_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  last_event INTEGER NOT NULL,
  first_event INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  -- What the pieces of text among the events say together.
  text TEXT NOT NULL,
  -- The events as they are sent: passed on unread.
  wire TEXT NOT NULL,
  CONSTRAINT run_event_pk PRIMARY KEY (account_id, run_id, last_event),
  CONSTRAINT run_event_run FOREIGN KEY (account_id, run_id) REFERENCES run (account_id, id) ON DELETE CASCADE,
  CONSTRAINT run_event_goes_on CHECK (0 < first_event AND first_event <= last_event)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER run_event_appended AFTER INSERT ON run_event
BEGIN
  UPDATE run
  SET last_event = NEW.last_event,
    lease_until = max(lease_until, NEW.created_at + 30000),
    updated_at = max(updated_at, NEW.created_at)
  WHERE account_id = NEW.account_id AND id = NEW.run_id;
END;

-- What is gone takes its runs along at once: they hold texts.
CREATE TRIGGER conversation_deleted_ends_runs AFTER UPDATE OF deleted_at ON conversation
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  DELETE FROM run
  WHERE account_id = NEW.account_id AND conversation_id = NEW.id;
END;
