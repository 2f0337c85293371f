-- Certificates that were not issued here have no order and no profile, and external ones no issuer. A serial is one issuer's.
ALTER TABLE certificate RENAME TO certificate_before;
DROP INDEX certificate_by_serial;
CREATE TABLE certificate (tenant_id BLOB NOT NULL, id BLOB NOT NULL, order_id BLOB, issuer_id BLOB, profile TEXT, serial BLOB NOT NULL,
  status TEXT NOT NULL, shard BIGINT NOT NULL, not_before BIGINT NOT NULL, not_after BIGINT NOT NULL, renew_at BIGINT NOT NULL,
  custody TEXT NOT NULL, body BLOB NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, id));
INSERT INTO certificate SELECT tenant_id, id, order_id, issuer_id, profile, serial, status, shard, not_before, not_after, renew_at, custody,
  body, version FROM certificate_before;
DROP TABLE certificate_before;
CREATE UNIQUE INDEX certificate_by_serial ON certificate (tenant_id, serial, issuer_id);
-- What was taken in, by a blind index of its content: once each.
CREATE TABLE imported (tenant_id BLOB NOT NULL, blind BLOB NOT NULL, certificate_id BLOB NOT NULL, PRIMARY KEY (tenant_id, blind)) WITHOUT ROWID;
