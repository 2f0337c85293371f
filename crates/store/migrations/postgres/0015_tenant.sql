-- Documents by name, and the signatures of their versions in one line: a place is taken once.
CREATE TABLE document (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, blind BYTEA NOT NULL, name BYTEA NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX document_by_name ON document (tenant_id, blind);
CREATE TABLE document_signature (tenant_id BYTEA NOT NULL, document_id BYTEA NOT NULL, place BIGINT NOT NULL, version BIGINT NOT NULL,
  signature_id BYTEA NOT NULL, digest BYTEA NOT NULL, PRIMARY KEY (tenant_id, document_id, place));
