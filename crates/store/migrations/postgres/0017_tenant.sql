-- The checkpoints of the realm's log that were given, blinded, to the platform's log: each with its salt and the event there.
CREATE TABLE publication (tenant_id BYTEA NOT NULL, epoch BIGINT NOT NULL, size BIGINT NOT NULL, note BYTEA NOT NULL, salt BYTEA NOT NULL,
  event_id BYTEA NOT NULL, PRIMARY KEY (tenant_id, epoch, size));
-- Checkpoints with the cosignatures of witnesses; only the platform's log has any.
CREATE TABLE cosigned (tenant_id BYTEA NOT NULL, epoch BIGINT NOT NULL, size BIGINT NOT NULL, note BYTEA NOT NULL, PRIMARY KEY (tenant_id, epoch, size));
