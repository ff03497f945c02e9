-- The MCP servers that the account ?1 sees, those of the platform ?2 among them, and what its settings say of tools, on top of the platform's.
SELECT
  (
    SELECT json_group_array(json(part.entry))
    FROM (
      SELECT s.entry FROM mcp_server_entry AS s WHERE s.account_id = ?1
      UNION ALL
      SELECT t.entry FROM mcp_server_entry AS t WHERE t.account_id = ?2
    ) AS part
  ) AS servers,
  json_patch(
    coalesce((SELECT d.document -> '$.mcp' FROM account_settings AS d WHERE d.account_id = ?2), '{}'),
    coalesce((SELECT e.document -> '$.mcp' FROM account_settings AS e WHERE e.account_id = ?1), '{}')
  ) AS settings
