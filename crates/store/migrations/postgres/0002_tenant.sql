-- The life of a token: when it was last used (the hour), and which token took its place.
ALTER TABLE token ADD COLUMN used_at BIGINT;
ALTER TABLE token ADD COLUMN successor_id BYTEA;
