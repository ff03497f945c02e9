-- Fails by the trigger mcp_server_limit when the owner has as many as anyone may.
INSERT INTO mcp_server (account_id, id, qualified_name, name, url, transport, config, enabled, enabled_tools, has_secret, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)
