-- Which event made something that later acts rest upon, or took something back: what an evidence bundle is put together from.
CREATE TABLE lineage (tenant_id BYTEA NOT NULL, kind TEXT NOT NULL, subject BYTEA NOT NULL, version BIGINT NOT NULL, event_id BYTEA NOT NULL,
  PRIMARY KEY (tenant_id, kind, subject, version));
