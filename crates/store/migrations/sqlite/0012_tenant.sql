-- Signers: a name, the versions of its profile, and those of its key and chain, of which the newest signs.
CREATE TABLE signer (tenant_id BLOB NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
  version BIGINT NOT NULL, PRIMARY KEY (tenant_id, name)) WITHOUT ROWID;
CREATE TABLE signing_profile (tenant_id BLOB NOT NULL, signer_id BLOB NOT NULL, version BIGINT NOT NULL, body BLOB NOT NULL,
  created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, signer_id, version));
CREATE TABLE signer_version (tenant_id BLOB NOT NULL, signer_id BLOB NOT NULL, version BIGINT NOT NULL, certificate_id BLOB, chain BLOB NOT NULL,
  key BLOB, created_at BIGINT NOT NULL, retired_at BIGINT, PRIMARY KEY (tenant_id, signer_id, version));
-- One row a request, whatever it signs.
CREATE TABLE signature (tenant_id BLOB NOT NULL, id BLOB NOT NULL, signer_id BLOB NOT NULL, event_id BLOB NOT NULL, body BLOB NOT NULL,
  created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
