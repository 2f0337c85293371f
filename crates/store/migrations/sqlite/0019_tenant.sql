-- Nonces of signed requests, as long as one could come again.
CREATE TABLE request_nonce (tenant_id BLOB NOT NULL, key_id BLOB NOT NULL, nonce BLOB NOT NULL, expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, key_id, nonce)) WITHOUT ROWID;
CREATE INDEX request_nonce_by_expiry ON request_nonce (tenant_id, expires_at);
-- Signatures that expired before this time are not believed, whatever the clock says: their nonces are forgotten.
CREATE TABLE authentication (tenant_id BLOB NOT NULL, nonces_until BIGINT NOT NULL, PRIMARY KEY (tenant_id)) WITHOUT ROWID;
