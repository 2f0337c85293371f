-- A filter's own index each, ending in the id, by which pages are cut. All grow at their ends, for ids and times only rise.
CREATE INDEX certificate_by_status ON certificate (tenant_id, status, id);
CREATE INDEX certificate_by_issuer ON certificate (tenant_id, issuer_id, id);
CREATE INDEX certificate_by_profile ON certificate (tenant_id, profile, id);
CREATE INDEX certificate_by_end ON certificate (tenant_id, not_after, id);
CREATE INDEX certificate_by_renewal ON certificate (tenant_id, renew_at, id);
