-- How long signatures are kept, when they are to be removed, and when they were. Those from before this version are kept for ever.
ALTER TABLE signature ADD COLUMN kept_until BIGINT;
ALTER TABLE signature ADD COLUMN dispose_at BIGINT;
ALTER TABLE signature ADD COLUMN disposed_at BIGINT;
CREATE INDEX signature_by_disposal ON signature (tenant_id, dispose_at) WHERE dispose_at IS NOT NULL;
-- Legal holds: on a document, a signature, a certificate or the whole tenant.
CREATE TABLE hold (tenant_id BYTEA NOT NULL, id BYTEA NOT NULL, kind TEXT NOT NULL, subject BYTEA NOT NULL, body BYTEA NOT NULL,
  placed_at BIGINT NOT NULL, placed_by BYTEA NOT NULL, released_at BIGINT, released_by BYTEA, PRIMARY KEY (tenant_id, id));
CREATE INDEX hold_by_subject ON hold (tenant_id, kind, subject) WHERE released_at IS NULL;
