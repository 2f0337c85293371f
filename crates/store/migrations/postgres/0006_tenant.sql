-- Authorities of others have no key here, and one that waits for its certificate has none yet.
ALTER TABLE authority ALTER COLUMN certificate DROP NOT NULL, ALTER COLUMN key DROP NOT NULL, ALTER COLUMN status_key DROP NOT NULL;
