-- Certificates that were not issued here have no order and no profile, and external ones no issuer. A serial is one issuer's.
ALTER TABLE certificate ALTER COLUMN order_id DROP NOT NULL, ALTER COLUMN issuer_id DROP NOT NULL, ALTER COLUMN profile DROP NOT NULL;
DROP INDEX certificate_by_serial;
CREATE UNIQUE INDEX certificate_by_serial ON certificate (tenant_id, serial, issuer_id);
-- What was taken in, by a blind index of its content: once each.
CREATE TABLE imported (tenant_id BYTEA NOT NULL, blind BYTEA NOT NULL, certificate_id BYTEA NOT NULL, PRIMARY KEY (tenant_id, blind));
