-- One realm's tables. tenant_id leads every key: the same text serves both engines.
CREATE TABLE tenant (tenant_id BYTEA NOT NULL, slug TEXT NOT NULL, status TEXT NOT NULL, epoch BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id));
CREATE TABLE counter (tenant_id BYTEA NOT NULL, name TEXT NOT NULL, value BIGINT NOT NULL, total BIGINT NOT NULL, ceiling BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name));
CREATE TABLE kek (tenant_id BYTEA NOT NULL, kind TEXT NOT NULL, version BIGINT NOT NULL, wrapped BYTEA NOT NULL,
  PRIMARY KEY (tenant_id, kind, version));
CREATE TABLE purpose_key (tenant_id BYTEA NOT NULL, purpose TEXT NOT NULL, version BIGINT NOT NULL, kek_version BIGINT NOT NULL,
  wrapped BYTEA NOT NULL, PRIMARY KEY (tenant_id, purpose, version));
CREATE TABLE account (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, name BYTEA NOT NULL, roles TEXT NOT NULL, enabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE token (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, account_id BYTEA, roles TEXT NOT NULL, hash BYTEA NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, ended_at BIGINT, PRIMARY KEY (tenant_id, id));
CREATE INDEX token_by_account ON token (tenant_id, account_id, id);
CREATE TABLE profile (tenant_id BYTEA NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, body BYTEA NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name, version));
CREATE TABLE authority (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, parent_id BYTEA, public_id BYTEA NOT NULL, certificate BYTEA NOT NULL,
  body BYTEA NOT NULL, key BYTEA NOT NULL, status_key BYTEA NOT NULL, not_after BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE TABLE certificate_order (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, state TEXT NOT NULL, profile TEXT NOT NULL,
  policy_version BIGINT NOT NULL, requester BYTEA NOT NULL, certificate_id BYTEA, body BYTEA NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE TABLE certificate (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, order_id BYTEA NOT NULL, issuer_id BYTEA NOT NULL, profile TEXT NOT NULL,
  serial BYTEA NOT NULL, status TEXT NOT NULL, shard BIGINT NOT NULL, not_before BIGINT NOT NULL, not_after BIGINT NOT NULL,
  renew_at BIGINT NOT NULL, custody TEXT NOT NULL, body BYTEA NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX certificate_by_serial ON certificate (tenant_id, serial);
CREATE TABLE certificate_name (tenant_id BYTEA NOT NULL, blind BYTEA NOT NULL, certificate_id BYTEA NOT NULL,
  PRIMARY KEY (tenant_id, blind, certificate_id));
CREATE TABLE private_key (tenant_id BYTEA NOT NULL, certificate_id BYTEA NOT NULL, key BYTEA, fetches BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, certificate_id));
CREATE TABLE revocation (tenant_id BYTEA NOT NULL, issuer_id BYTEA NOT NULL, shard BIGINT NOT NULL, serial BYTEA NOT NULL,
  revoked_at BIGINT NOT NULL, reason BIGINT NOT NULL, not_after BIGINT NOT NULL, PRIMARY KEY (tenant_id, issuer_id, shard, serial));
CREATE TABLE crl (tenant_id BYTEA NOT NULL, issuer_id BYTEA NOT NULL, shard BIGINT NOT NULL, number BIGINT NOT NULL,
  this_update BIGINT NOT NULL, next_update BIGINT NOT NULL, der BYTEA NOT NULL, PRIMARY KEY (tenant_id, issuer_id, shard));
CREATE TABLE event (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, body BYTEA NOT NULL, leaf BYTEA NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE idempotency (tenant_id BYTEA NOT NULL, principal BYTEA NOT NULL, key BYTEA NOT NULL, body BYTEA NOT NULL, subject BYTEA NOT NULL,
  event_id BYTEA NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, principal, key));
CREATE TABLE job (tenant_id BYTEA NOT NULL, due_at BIGINT NOT NULL, id BYTEA NOT NULL, kind TEXT NOT NULL, subject BYTEA NOT NULL,
  attempts BIGINT NOT NULL, PRIMARY KEY (tenant_id, due_at, id));
CREATE TABLE outbox (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, kind TEXT NOT NULL, payload BYTEA NOT NULL, PRIMARY KEY (tenant_id, id));
