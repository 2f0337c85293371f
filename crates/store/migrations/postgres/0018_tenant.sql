-- A tenant's own roles, what accounts hold of them and of the built-in ones besides what their own row says, and duties kept apart.
CREATE TABLE role (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, blind BYTEA NOT NULL, body BYTEA NOT NULL, made_by BYTEA NOT NULL, created_at BIGINT NOT NULL,
  version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX role_by_name ON role (tenant_id, blind);
CREATE TABLE role_binding (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, account_id BYTEA NOT NULL, role TEXT, role_id BYTEA, body BYTEA NOT NULL,
  granted_by BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, ended_at BIGINT, PRIMARY KEY (tenant_id, id));
CREATE INDEX role_binding_by_account ON role_binding (tenant_id, account_id, id);
CREATE TABLE duty_conflict (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, body BYTEA NOT NULL, made_by BYTEA NOT NULL, created_at BIGINT NOT NULL,
  ended_at BIGINT, PRIMARY KEY (tenant_id, id));
