DROP TABLE conversation_context;
