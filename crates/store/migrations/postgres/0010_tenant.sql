-- Certificates by the blind index of their subject's key. Of keys certified before, the first certificate alone is known.
CREATE TABLE certificate_key (tenant_id BYTEA NOT NULL, blind BYTEA NOT NULL, certificate_id BYTEA NOT NULL,
  PRIMARY KEY (tenant_id, blind, certificate_id));
-- Forced row level security would hide them from the owner, too, for these two statements' time; in the same transaction it returns.
ALTER TABLE subject_key NO FORCE ROW LEVEL SECURITY;
INSERT INTO certificate_key (tenant_id, blind, certificate_id) SELECT tenant_id, blind, certificate_id FROM subject_key;
ALTER TABLE subject_key FORCE ROW LEVEL SECURITY;
