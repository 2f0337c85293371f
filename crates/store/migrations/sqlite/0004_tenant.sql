-- Subject keys, each once: the blind index of the key, that of the profile and names it was certified for, and whether it is compromised.
CREATE TABLE subject_key (tenant_id BLOB NOT NULL, blind BLOB NOT NULL, scope BLOB, certificate_id BLOB NOT NULL,
  compromised BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant_id, blind)) WITHOUT ROWID;
