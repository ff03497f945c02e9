-- Keys of providers of models. Here is what is known of a key; its value is kept sealed elsewhere, under the same id.
CREATE TABLE provider_key (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  provider TEXT NOT NULL,
  name TEXT NOT NULL,
  base_url TEXT,
  -- Scheme, host and port of base_url: the one place where the key may be sent. NULL for the provider's own host.
  origin TEXT,
  -- Whether models use it that name no key.
  is_active INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used_at INTEGER,
  CONSTRAINT provider_key_pk PRIMARY KEY (account_id, id),
  CONSTRAINT provider_key_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT provider_key_provider CHECK (provider IN ('openai', 'anthropic', 'gemini', 'ollama', 'openai-compatible')),
  CONSTRAINT provider_key_origin CHECK ((base_url IS NULL) = (origin IS NULL)),
  CONSTRAINT provider_key_is_active CHECK (is_active IN (0, 1))
) STRICT, WITHOUT ROWID;

-- One key is active for each place that it may be sent to.
CREATE UNIQUE INDEX provider_key_active ON provider_key (account_id, provider, coalesce(origin, '')) WHERE is_active = 1;

CREATE TRIGGER provider_key_limit AFTER INSERT ON provider_key
WHEN (SELECT count(*) FROM provider_key WHERE account_id = NEW.account_id) > 100
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: provider_key_limit');
END;

CREATE TRIGGER provider_key_forgets_secret AFTER DELETE ON provider_key
BEGIN
  DELETE FROM secret WHERE id = OLD.id AND kind = 'key';
END;

-- Models as accounts and the platform have configured them. The platform's have 'platform' in place of an account, as its log has, so that one
-- statement serves both; `tenant` is what the account is referred to by.
CREATE TABLE model (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  base_url TEXT,
  -- Scheme, host and port of base_url. NULL for the provider's own host.
  origin TEXT,
  context_window INTEGER,
  verify_ssl INTEGER NOT NULL,
  parameters TEXT NOT NULL,
  key_id TEXT,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  tenant TEXT GENERATED ALWAYS AS (nullif(account_id, 'platform')) VIRTUAL,
  CONSTRAINT model_pk PRIMARY KEY (account_id, id),
  CONSTRAINT model_name_unique UNIQUE (account_id, name),
  CONSTRAINT model_account FOREIGN KEY (tenant) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT model_key FOREIGN KEY (account_id, key_id) REFERENCES provider_key (account_id, id),
  CONSTRAINT model_provider CHECK (provider IN ('openai', 'anthropic', 'gemini', 'ollama', 'openai-compatible')),
  CONSTRAINT model_origin CHECK ((base_url IS NULL) = (origin IS NULL)),
  CONSTRAINT model_verify_ssl CHECK (verify_ssl = 1 OR account_id = 'platform' AND verify_ssl = 0),
  CONSTRAINT model_parameters_json CHECK (json_valid(parameters) AND json_type(parameters) = 'object')
) STRICT;

-- The cascades from account and provider_key.
CREATE INDEX model_by_tenant ON model (tenant);
CREATE INDEX model_by_key ON model (account_id, key_id) WHERE key_id IS NOT NULL;

-- A model whose key is deleted names none any more.
CREATE TRIGGER provider_key_leaves_models BEFORE DELETE ON provider_key
BEGIN
  UPDATE model SET key_id = NULL, version = version + 1 WHERE account_id = OLD.account_id AND key_id = OLD.id;
END;

-- Which model an account uses, or the platform for all who have chosen none: one of the account's or of the platform's.
CREATE TABLE active_model (
  account_id TEXT NOT NULL,
  model_account_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  tenant TEXT GENERATED ALWAYS AS (nullif(account_id, 'platform')) VIRTUAL,
  CONSTRAINT active_model_pk PRIMARY KEY (account_id),
  CONSTRAINT active_model_account FOREIGN KEY (tenant) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT active_model_model FOREIGN KEY (model_account_id, model_id) REFERENCES model (account_id, id) ON DELETE CASCADE,
  CONSTRAINT active_model_own_or_platform CHECK (model_account_id IN (account_id, 'platform'))
) STRICT;

-- The cascades from account and model.
CREATE INDEX active_model_by_tenant ON active_model (tenant);
CREATE INDEX active_model_by_model ON active_model (model_account_id, model_id);

-- Entries as JSON: what the statements of the component read, one at a time and all together.
CREATE VIEW model_entry AS
SELECT account_id, id, version,
  json_object(
    'account_id', account_id, 'id', id, 'name', name, 'provider', provider, 'model', model, 'base_url', base_url, 'origin', origin,
    'context_window', context_window, 'verify_ssl', json(iif(verify_ssl, 'true', 'false')), 'parameters', json(parameters), 'key_id', key_id,
    'version', version, 'created_at', created_at, 'updated_at', updated_at
  ) AS entry
FROM model;

-- What decides where a key may be sent.
CREATE VIEW provider_key_entry AS
SELECT account_id, id, json_object('id', id, 'provider', provider, 'origin', origin, 'is_active', json(iif(is_active, 'true', 'false'))) AS entry
FROM provider_key;

CREATE TRIGGER provider_key_erases_answers AFTER DELETE ON provider_key
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;

CREATE TRIGGER model_erases_answers AFTER DELETE ON model
BEGIN
  UPDATE idempotency_key
  SET body = NULL, sealed_body = NULL
  WHERE account_id = OLD.account_id AND about = OLD.id;
END;
