-- Who stands behind an account. A user without a person is one of its own; a service account has an owner instead.
ALTER TABLE account ADD COLUMN kind TEXT NOT NULL DEFAULT 'user';
ALTER TABLE account ADD COLUMN person_id BYTEA;
ALTER TABLE account ADD COLUMN owner_id BYTEA;
