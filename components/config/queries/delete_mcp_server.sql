DELETE FROM mcp_server
WHERE account_id = ?1
  AND id = ?2
RETURNING id
