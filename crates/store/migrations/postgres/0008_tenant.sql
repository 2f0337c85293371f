-- An authority's place in its line, which no clock decides. Those that were made before are in order of their ids, as until now.
ALTER TABLE authority ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
