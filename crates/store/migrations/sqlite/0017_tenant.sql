-- The checkpoints of the realm's log that were given, blinded, to the platform's log: each with its salt and the event there.
CREATE TABLE publication (tenant_id BLOB NOT NULL, epoch BIGINT NOT NULL, size BIGINT NOT NULL, note BLOB NOT NULL, salt BLOB NOT NULL,
  event_id BLOB NOT NULL, PRIMARY KEY (tenant_id, epoch, size)) WITHOUT ROWID;
-- Checkpoints with the cosignatures of witnesses; only the platform's log has any.
CREATE TABLE cosigned (tenant_id BLOB NOT NULL, epoch BIGINT NOT NULL, size BIGINT NOT NULL, note BLOB NOT NULL, PRIMARY KEY (tenant_id, epoch, size)) WITHOUT ROWID;
