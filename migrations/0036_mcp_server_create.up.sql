-- Servers of the Model Context Protocol as accounts and the platform ('platform' in place of an account) have configured them. Credentials are kept
-- sealed elsewhere, under the same id.
CREATE TABLE mcp_server (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  qualified_name TEXT,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  transport TEXT NOT NULL,
  config TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  -- A JSON array of names; NULL for all that there are.
  enabled_tools TEXT,
  has_secret INTEGER NOT NULL,
  -- What the server said when it was last asked, and when that was.
  server TEXT,
  tools TEXT,
  tools_at INTEGER,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  tenant TEXT GENERATED ALWAYS AS (nullif(account_id, 'platform')) VIRTUAL,
  CONSTRAINT mcp_server_pk PRIMARY KEY (account_id, id),
  CONSTRAINT mcp_server_name_unique UNIQUE (account_id, name),
  CONSTRAINT mcp_server_account FOREIGN KEY (tenant) REFERENCES account (id) ON DELETE CASCADE,
  -- None that would start a process.
  CONSTRAINT mcp_server_transport CHECK (transport IN ('streamable-http', 'sse')),
  CONSTRAINT mcp_server_config_json CHECK (json_valid(config) AND json_type(config) = 'object'),
  CONSTRAINT mcp_server_enabled CHECK (enabled IN (0, 1)),
  CONSTRAINT mcp_server_has_secret CHECK (has_secret IN (0, 1)),
  CONSTRAINT mcp_server_enabled_tools_json CHECK (json_valid(enabled_tools) AND json_type(enabled_tools) = 'array'),
  CONSTRAINT mcp_server_tools_whole CHECK (
    (server IS NULL AND tools IS NULL AND tools_at IS NULL)
    OR (json_valid(server) AND json_valid(tools) AND json_type(tools) = 'array' AND tools_at IS NOT NULL)
  )
) STRICT;

-- The cascade from account.
CREATE INDEX mcp_server_by_tenant ON mcp_server (tenant);

CREATE TRIGGER mcp_server_limit AFTER INSERT ON mcp_server
WHEN (SELECT count(*) FROM mcp_server WHERE account_id = NEW.account_id) > 50
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: mcp_server_limit');
END;

CREATE TRIGGER mcp_server_forgets_secret AFTER DELETE ON mcp_server
BEGIN
  DELETE FROM secret WHERE id = OLD.id AND kind = 'mcp_server';
END;

CREATE VIEW mcp_server_entry AS
SELECT account_id, id, version,
  json_object(
    'account_id', account_id, 'id', id, 'qualified_name', qualified_name, 'name', name, 'url', url, 'transport', transport, 'config', json(config),
    'enabled', json(iif(enabled, 'true', 'false')), 'enabled_tools', json(enabled_tools), 'has_secret', json(iif(has_secret, 'true', 'false')),
    'server', json(server), 'tools', json(tools), 'tools_at', tools_at, 'version', version, 'created_at', created_at, 'updated_at', updated_at
  ) AS entry
FROM mcp_server;

CREATE TRIGGER mcp_server_erases_answers AFTER DELETE ON mcp_server
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;
