-- The platform's tables: the few that are readable without a tenant.
CREATE TABLE registered_tenant (tenant_id BLOB NOT NULL PRIMARY KEY, slug TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
  created_at BIGINT NOT NULL, version BIGINT NOT NULL) WITHOUT ROWID;
CREATE TABLE public_address (public_id BLOB NOT NULL PRIMARY KEY, tenant_id BLOB NOT NULL, issuer_id BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE lane (tenant_id BLOB NOT NULL PRIMARY KEY, due_at BIGINT NOT NULL, virtual_time BIGINT NOT NULL, marked_at BIGINT NOT NULL) WITHOUT ROWID;
CREATE INDEX lane_by_due ON lane (due_at);
CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
