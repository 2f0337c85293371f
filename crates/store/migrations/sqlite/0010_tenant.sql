-- Certificates by the blind index of their subject's key. Of keys certified before, the first certificate alone is known.
CREATE TABLE certificate_key (tenant_id BLOB NOT NULL, blind BLOB NOT NULL, certificate_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, blind, certificate_id)) WITHOUT ROWID;
INSERT INTO certificate_key (tenant_id, blind, certificate_id) SELECT tenant_id, blind, certificate_id FROM subject_key;
