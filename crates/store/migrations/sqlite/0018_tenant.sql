-- A tenant's own roles, what accounts hold of them and of the built-in ones besides what their own row says, and duties kept apart.
CREATE TABLE role (tenant_id BLOB NOT NULL, id BLOB NOT NULL, blind BLOB NOT NULL, body BLOB NOT NULL, made_by BLOB NOT NULL, created_at BIGINT NOT NULL,
  version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX role_by_name ON role (tenant_id, blind);
CREATE TABLE role_binding (tenant_id BLOB NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL, role TEXT, role_id BLOB, body BLOB NOT NULL,
  granted_by BLOB NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, ended_at BIGINT, PRIMARY KEY (tenant_id, id));
CREATE INDEX role_binding_by_account ON role_binding (tenant_id, account_id, id);
CREATE TABLE duty_conflict (tenant_id BLOB NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, made_by BLOB NOT NULL, created_at BIGINT NOT NULL,
  ended_at BIGINT, PRIMARY KEY (tenant_id, id));
