-- The life of an issuer: its state, the line of successors that it belongs to (its own where that is null), when it is to retire.
ALTER TABLE authority ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
ALTER TABLE authority ADD COLUMN line_id BYTEA;
ALTER TABLE authority ADD COLUMN retire_at BIGINT;
