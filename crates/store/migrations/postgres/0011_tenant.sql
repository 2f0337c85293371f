-- The log: each event's place in it, once it has one; one row for each epoch, moved with every checkpoint; and the tree's tiles.
-- The events of before get their places from the sequencer, as any others.
ALTER TABLE event ADD COLUMN log_epoch BIGINT;
ALTER TABLE event ADD COLUMN leaf_index BIGINT;
-- What waits for its place: nearly nothing at any time.
CREATE INDEX event_unsequenced ON event (tenant_id, id) WHERE leaf_index IS NULL;
CREATE TABLE log (tenant_id BYTEA NOT NULL, epoch BIGINT NOT NULL, origin TEXT NOT NULL, public_key BYTEA NOT NULL, key BYTEA NOT NULL,
  size BIGINT NOT NULL, checkpoint BYTEA NOT NULL, signed_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, epoch));
-- hashes are 32 bytes each; events, of tiles of level 0, the ids of the events whose leaves they are, 16 bytes each.
CREATE TABLE log_tile (tenant_id BYTEA NOT NULL, epoch BIGINT NOT NULL, level BIGINT NOT NULL, tile_index BIGINT NOT NULL, hashes BYTEA NOT NULL,
  events BYTEA NOT NULL, PRIMARY KEY (tenant_id, epoch, level, tile_index));
