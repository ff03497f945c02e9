-- ?12 says whether what is known of its tools still holds.
UPDATE mcp_server
SET qualified_name = ?3, name = ?4, url = ?5, transport = ?6, config = ?7, enabled = ?8, enabled_tools = ?9, has_secret = ?10,
  server = iif(?12, server, NULL),
  tools = iif(?12, tools, NULL),
  tools_at = iif(?12, tools_at, NULL),
  version = version + 1,
  updated_at = max(updated_at, ?11)
WHERE account_id = ?1
  AND id = ?2
