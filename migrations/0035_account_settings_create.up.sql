-- What an account has set, as one document; the platform's is under 'platform' and is what accounts have that have set nothing. No row:
-- nothing was written yet, and that is version 0.
CREATE TABLE account_settings (
  account_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- The form of the document, for whoever changes that form.
  schema_version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  document TEXT NOT NULL,
  tenant TEXT GENERATED ALWAYS AS (nullif(account_id, 'platform')) VIRTUAL,
  CONSTRAINT account_settings_pk PRIMARY KEY (account_id),
  CONSTRAINT account_settings_account FOREIGN KEY (tenant) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT account_settings_version_positive CHECK (version > 0),
  CONSTRAINT account_settings_document_json CHECK (json_valid(document) AND json_type(document) = 'object'),
  -- 256 KiB.
  CONSTRAINT account_settings_document_size CHECK (length(CAST(document AS BLOB)) <= 262144)
) STRICT;

-- The cascade from account.
CREATE INDEX account_settings_by_tenant ON account_settings (tenant);
