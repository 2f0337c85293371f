-- Signers: a name, the versions of its profile, and those of its key and chain, of which the newest signs.
CREATE TABLE signer (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
  version BIGINT NOT NULL, PRIMARY KEY (tenant_id, name));
CREATE TABLE signing_profile (tenant_id BYTEA NOT NULL, signer_id BYTEA NOT NULL, version BIGINT NOT NULL, body BYTEA NOT NULL,
  created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, signer_id, version));
CREATE TABLE signer_version (tenant_id BYTEA NOT NULL, signer_id BYTEA NOT NULL, version BIGINT NOT NULL, certificate_id BYTEA, chain BYTEA NOT NULL,
  key BYTEA, created_at BIGINT NOT NULL, retired_at BIGINT, PRIMARY KEY (tenant_id, signer_id, version));
-- One row a request, whatever it signs.
CREATE TABLE signature (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, signer_id BYTEA NOT NULL, event_id BYTEA NOT NULL, body BYTEA NOT NULL,
  created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
