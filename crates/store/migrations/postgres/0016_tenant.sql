-- Public keys of accounts: for their requests, or for their approvals. The id follows from the key, so a tenant has each once.
CREATE TABLE account_key (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, account_id BYTEA NOT NULL, purpose TEXT NOT NULL, algorithm TEXT NOT NULL,
  spki BYTEA NOT NULL, label BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, ended_at BIGINT,
  PRIMARY KEY (tenant_id, id));
CREATE INDEX account_key_by_account ON account_key (tenant_id, account_id, created_at);
