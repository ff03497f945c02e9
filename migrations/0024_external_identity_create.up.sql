-- Who somebody is at an OpenID provider. The key is issuer and subject and never an address: addresses are given away again.
CREATE TABLE external_identity (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  -- What the operator called the provider when this was written.
  provider TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  CONSTRAINT external_identity_pk PRIMARY KEY (issuer, subject),
  CONSTRAINT external_identity_user FOREIGN KEY (user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT external_identity_subject_length CHECK (length(CAST(subject AS BLOB)) BETWEEN 1 AND 255)
) STRICT, WITHOUT ROWID;

-- The identities of a person, and the cascade from user.
CREATE UNIQUE INDEX external_identity_by_user ON external_identity (user_id, id);

-- What a provider has published, so that not every sign-in asks for it again.
CREATE TABLE oidc_provider (
  issuer TEXT NOT NULL,
  -- When somebody last set out to ask, whatever came of it: nobody makes us ask more often.
  attempted_at INTEGER NOT NULL,
  discovery TEXT,
  key_set TEXT,
  fetched_at INTEGER,
  CONSTRAINT oidc_provider_pk PRIMARY KEY (issuer),
  CONSTRAINT oidc_provider_whole CHECK (
    (discovery IS NULL AND key_set IS NULL AND fetched_at IS NULL)
    OR (json_valid(discovery) AND json_valid(key_set) AND fetched_at IS NOT NULL)
  )
) STRICT, WITHOUT ROWID;

-- A sign-in at a provider that a browser has begun. It is deleted by the provider's answer, whatever that is.
CREATE TABLE oidc_flow (
  -- SHA-256 of the state.
  state_hash BLOB NOT NULL,
  provider TEXT NOT NULL,
  -- SHA-256 of what the browser keeps in a cookie: nobody else can end what it began.
  browser_hash BLOB NOT NULL,
  -- Where the browser is sent afterwards, and the challenge of the application there.
  return_to TEXT,
  app_challenge TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  CONSTRAINT oidc_flow_pk PRIMARY KEY (state_hash),
  CONSTRAINT oidc_flow_state_length CHECK (length(state_hash) = 32),
  CONSTRAINT oidc_flow_browser_length CHECK (length(browser_hash) = 32),
  CONSTRAINT oidc_flow_app CHECK ((return_to IS NULL) = (app_challenge IS NULL))
) STRICT, WITHOUT ROWID;

-- Those that were never answered.
CREATE INDEX oidc_flow_by_expiry ON oidc_flow (expires_at);

-- An identity that a provider has proven, until the application that the browser was sent to fetches it.
CREATE TABLE oidc_ticket (
  -- SHA-256 of the code that the application has.
  code_hash BLOB NOT NULL,
  provider TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  verified_email TEXT,
  name TEXT,
  app_challenge TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  CONSTRAINT oidc_ticket_pk PRIMARY KEY (code_hash),
  CONSTRAINT oidc_ticket_code_length CHECK (length(code_hash) = 32)
) STRICT, WITHOUT ROWID;

-- Those that were never fetched.
CREATE INDEX oidc_ticket_by_expiry ON oidc_ticket (expires_at);
