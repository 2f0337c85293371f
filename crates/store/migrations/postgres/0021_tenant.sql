-- Where a tenant's archive is, and how far its log was put there.
CREATE TABLE archive (tenant_id BYTEA NOT NULL, destination BYTEA NOT NULL, epoch BIGINT NOT NULL, exported BIGINT NOT NULL, exported_at BIGINT,
  failing_since BIGINT, failures BIGINT NOT NULL, failure TEXT, began_at BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id));
