UPDATE mcp_server
SET server = ?4, tools = ?5, tools_at = ?6
WHERE account_id = ?1
  AND id = ?2
  AND version = ?3
