-- The platform's tables: the few that are readable without a tenant.
CREATE TABLE registered_tenant (tenant_id BYTEA NOT NULL PRIMARY KEY, slug TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
  created_at BIGINT NOT NULL, version BIGINT NOT NULL);
CREATE TABLE public_address (public_id BYTEA NOT NULL PRIMARY KEY, tenant_id BYTEA NOT NULL, issuer_id BYTEA NOT NULL);
CREATE TABLE lane (tenant_id BYTEA NOT NULL PRIMARY KEY, due_at BIGINT NOT NULL, virtual_time BIGINT NOT NULL, marked_at BIGINT NOT NULL);
CREATE INDEX lane_by_due ON lane (due_at);
CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value BYTEA NOT NULL);
CREATE TABLE schema_version (version BIGINT NOT NULL);
-- A guard of a write-set: fails its transaction unless the step found or changed exactly one row.
CREATE FUNCTION expect_one(matches BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
  IF matches <> 1 THEN RAISE EXCEPTION 'guard' USING ERRCODE = 'CH001'; END IF;
  RETURN matches;
END $$;
-- The last step of every write-set: whoever gave up waiting for it may rely on its never being kept later.
CREATE FUNCTION expect_in_time() RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
  IF clock_timestamp() - transaction_timestamp() > interval '12 seconds' THEN RAISE EXCEPTION 'too late' USING ERRCODE = 'CH002'; END IF;
  RETURN 1;
END $$;
