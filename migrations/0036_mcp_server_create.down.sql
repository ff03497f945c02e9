DROP TRIGGER mcp_server_erases_answers;
DROP TRIGGER mcp_server_forgets_secret;
DROP TRIGGER mcp_server_limit;
DROP VIEW mcp_server_entry;
DROP TABLE mcp_server;
