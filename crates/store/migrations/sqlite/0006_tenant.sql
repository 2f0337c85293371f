-- Authorities of others have no key here, and one that waits for its certificate has none yet.
CREATE TABLE authority_next (tenant_id BLOB NOT NULL, id BLOB NOT NULL, parent_id BLOB, public_id BLOB NOT NULL, certificate BLOB,
  body BLOB NOT NULL, key BLOB, status_key BLOB, not_after BIGINT NOT NULL, created_at BIGINT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active', line_id BLOB, retire_at BIGINT, PRIMARY KEY (tenant_id, id));
INSERT INTO authority_next (tenant_id, id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at, state, line_id,
  retire_at) SELECT tenant_id, id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at, state, line_id, retire_at
  FROM authority;
DROP TABLE authority;
ALTER TABLE authority_next RENAME TO authority;
