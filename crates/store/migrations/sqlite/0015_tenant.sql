-- Documents by name, and the signatures of their versions in one line: a place is taken once.
CREATE TABLE document (tenant_id BLOB NOT NULL, id BLOB NOT NULL, blind BLOB NOT NULL, name BLOB NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX document_by_name ON document (tenant_id, blind);
CREATE TABLE document_signature (tenant_id BLOB NOT NULL, document_id BLOB NOT NULL, place BIGINT NOT NULL, version BIGINT NOT NULL,
  signature_id BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (tenant_id, document_id, place)) WITHOUT ROWID;
