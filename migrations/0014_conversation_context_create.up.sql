-- What an application keeps for a conversation beside its messages. No row: nothing was written yet, and that is version 0.
CREATE TABLE conversation_context (
  account_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  document TEXT NOT NULL,
  CONSTRAINT conversation_context_pk PRIMARY KEY (account_id, conversation_id),
  CONSTRAINT conversation_context_conversation FOREIGN KEY (account_id, conversation_id) REFERENCES conversation (account_id, id) ON DELETE CASCADE,
  CONSTRAINT conversation_context_version_positive CHECK (version > 0),
  CONSTRAINT conversation_context_document_json CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;
