-- The keyring, a database of its own. sealed is NULL in the tombstone of a destroyed key.
CREATE TABLE keyring (tenant_id BLOB NOT NULL, kind TEXT NOT NULL, root_epoch BIGINT NOT NULL, sealed BLOB, PRIMARY KEY (tenant_id, kind)) WITHOUT ROWID;
