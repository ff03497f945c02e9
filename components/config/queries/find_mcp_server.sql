-- One of ?1 or of ?2.
SELECT m.entry FROM mcp_server_entry AS m WHERE m.account_id = ?1 AND m.id = ?3
UNION ALL
SELECT p.entry FROM mcp_server_entry AS p WHERE p.account_id = ?2 AND p.id = ?3
