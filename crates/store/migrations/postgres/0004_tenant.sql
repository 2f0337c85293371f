-- Subject keys, each once: the blind index of the key, that of the profile and names it was certified for, and whether it is compromised.
CREATE TABLE subject_key (tenant_id BYTEA NOT NULL, blind BYTEA NOT NULL, scope BYTEA, certificate_id BYTEA NOT NULL,
  compromised BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, blind));
