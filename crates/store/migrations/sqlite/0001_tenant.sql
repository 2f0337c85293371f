-- One realm's tables. tenant_id leads every key: the same text serves both engines.
-- WITHOUT ROWID suits narrow rows: it keeps whole rows in the inner nodes, so tables with sealed bodies or certificates go without.
CREATE TABLE tenant (tenant_id BLOB NOT NULL, slug TEXT NOT NULL, status TEXT NOT NULL, epoch BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id)) WITHOUT ROWID;
CREATE TABLE counter (tenant_id BLOB NOT NULL, name TEXT NOT NULL, value BIGINT NOT NULL, total BIGINT NOT NULL, ceiling BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name)) WITHOUT ROWID;
CREATE TABLE kek (tenant_id BLOB NOT NULL, kind TEXT NOT NULL, version BIGINT NOT NULL, wrapped BLOB NOT NULL,
  PRIMARY KEY (tenant_id, kind, version)) WITHOUT ROWID;
CREATE TABLE purpose_key (tenant_id BLOB NOT NULL, purpose TEXT NOT NULL, version BIGINT NOT NULL, kek_version BIGINT NOT NULL,
  wrapped BLOB NOT NULL, PRIMARY KEY (tenant_id, purpose, version)) WITHOUT ROWID;
CREATE TABLE account (tenant_id BLOB NOT NULL, id BLOB NOT NULL, name BLOB NOT NULL, roles TEXT NOT NULL, enabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id)) WITHOUT ROWID;
CREATE TABLE token (tenant_id BLOB NOT NULL, id BLOB NOT NULL, account_id BLOB, roles TEXT NOT NULL, hash BLOB NOT NULL,
  created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, ended_at BIGINT, PRIMARY KEY (tenant_id, id)) WITHOUT ROWID;
CREATE INDEX token_by_account ON token (tenant_id, account_id, id);
CREATE TABLE profile (tenant_id BLOB NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, body BLOB NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name, version));
CREATE TABLE authority (tenant_id BLOB NOT NULL, id BLOB NOT NULL, parent_id BLOB, public_id BLOB NOT NULL, certificate BLOB NOT NULL,
  body BLOB NOT NULL, key BLOB NOT NULL, status_key BLOB NOT NULL, not_after BIGINT NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE TABLE certificate_order (tenant_id BLOB NOT NULL, id BLOB NOT NULL, state TEXT NOT NULL, profile TEXT NOT NULL,
  policy_version BIGINT NOT NULL, requester BLOB NOT NULL, certificate_id BLOB, body BLOB NOT NULL, created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id));
CREATE TABLE certificate (tenant_id BLOB NOT NULL, id BLOB NOT NULL, order_id BLOB NOT NULL, issuer_id BLOB NOT NULL, profile TEXT NOT NULL,
  serial BLOB NOT NULL, status TEXT NOT NULL, shard BIGINT NOT NULL, not_before BIGINT NOT NULL, not_after BIGINT NOT NULL,
  renew_at BIGINT NOT NULL, custody TEXT NOT NULL, body BLOB NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX certificate_by_serial ON certificate (tenant_id, serial);
CREATE TABLE certificate_name (tenant_id BLOB NOT NULL, blind BLOB NOT NULL, certificate_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, blind, certificate_id)) WITHOUT ROWID;
CREATE TABLE private_key (tenant_id BLOB NOT NULL, certificate_id BLOB NOT NULL, key BLOB, fetches BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, certificate_id));
CREATE TABLE revocation (tenant_id BLOB NOT NULL, issuer_id BLOB NOT NULL, shard BIGINT NOT NULL, serial BLOB NOT NULL,
  revoked_at BIGINT NOT NULL, reason BIGINT NOT NULL, not_after BIGINT NOT NULL, PRIMARY KEY (tenant_id, issuer_id, shard, serial)) WITHOUT ROWID;
CREATE TABLE crl (tenant_id BLOB NOT NULL, issuer_id BLOB NOT NULL, shard BIGINT NOT NULL, number BIGINT NOT NULL,
  this_update BIGINT NOT NULL, next_update BIGINT NOT NULL, der BLOB NOT NULL, PRIMARY KEY (tenant_id, issuer_id, shard));
CREATE TABLE event (tenant_id BLOB NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE idempotency (tenant_id BLOB NOT NULL, principal BLOB NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, subject BLOB NOT NULL,
  event_id BLOB NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, principal, key)) WITHOUT ROWID;
CREATE TABLE job (tenant_id BLOB NOT NULL, due_at BIGINT NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, subject BLOB NOT NULL,
  attempts BIGINT NOT NULL, PRIMARY KEY (tenant_id, due_at, id)) WITHOUT ROWID;
CREATE TABLE outbox (tenant_id BLOB NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (tenant_id, id)) WITHOUT ROWID;
