DROP TRIGGER mcp_server_erases_answers;
DROP VIEW mcp_server_entry;
DROP TABLE mcp_server;
