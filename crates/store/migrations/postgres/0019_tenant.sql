-- Nonces of signed requests, as long as one could come again.
CREATE TABLE request_nonce (tenant_id BYTEA NOT NULL, key_id BYTEA NOT NULL, nonce BYTEA NOT NULL, expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, key_id, nonce));
CREATE INDEX request_nonce_by_expiry ON request_nonce (tenant_id, expires_at);
-- Signatures that expired before this time are not believed, whatever the clock says: their nonces are forgotten.
CREATE TABLE authentication (tenant_id BYTEA NOT NULL, nonces_until BIGINT NOT NULL, PRIMARY KEY (tenant_id));
