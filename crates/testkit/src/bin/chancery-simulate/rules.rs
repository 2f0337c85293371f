//! What must hold of the tables after every commit. Each line of an answer is a breach: the rule, and what breaks it.

/// Of each realm's tables.
pub(crate) const REALM: &str = "\
SELECT 'a row of another tenant in ' || t.name, hex(t.tenant_id) FROM (
  SELECT 'tenant' AS name, tenant_id FROM tenant UNION ALL SELECT 'counter', tenant_id FROM counter
  UNION ALL SELECT 'kek', tenant_id FROM kek UNION ALL SELECT 'purpose_key', tenant_id FROM purpose_key
  UNION ALL SELECT 'account', tenant_id FROM account UNION ALL SELECT 'token', tenant_id FROM token
  UNION ALL SELECT 'profile', tenant_id FROM profile UNION ALL SELECT 'authority', tenant_id FROM authority
  UNION ALL SELECT 'certificate_order', tenant_id FROM certificate_order UNION ALL SELECT 'certificate', tenant_id FROM certificate
  UNION ALL SELECT 'certificate_name', tenant_id FROM certificate_name UNION ALL SELECT 'private_key', tenant_id FROM private_key
  UNION ALL SELECT 'revocation', tenant_id FROM revocation UNION ALL SELECT 'crl', tenant_id FROM crl
  UNION ALL SELECT 'event', tenant_id FROM event UNION ALL SELECT 'idempotency', tenant_id FROM idempotency
  UNION ALL SELECT 'job', tenant_id FROM job UNION ALL SELECT 'outbox', tenant_id FROM outbox
  UNION ALL SELECT 'subject_key', tenant_id FROM subject_key UNION ALL SELECT 'imported', tenant_id FROM imported
  UNION ALL SELECT 'certificate_key', tenant_id FROM certificate_key
) t WHERE t.tenant_id <> ?1
UNION ALL SELECT 'an act recorded as done without its event', hex(i.event_id) FROM idempotency i
  WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.tenant_id = ?1 AND e.id = i.event_id)
UNION ALL SELECT 'two acts with one event', hex(event_id) FROM idempotency GROUP BY event_id HAVING count(*) > 1
UNION ALL SELECT 'a certificate without its order', hex(c.id) FROM certificate c WHERE NOT EXISTS
  (SELECT 1 FROM certificate_order o WHERE o.tenant_id = ?1 AND o.id = c.order_id AND o.certificate_id = c.id)
UNION ALL SELECT 'an order without its certificate', hex(o.id) FROM certificate_order o WHERE o.certificate_id IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM certificate c WHERE c.tenant_id = ?1 AND c.id = o.certificate_id)
UNION ALL SELECT 'a certificate that is not found by its name', hex(c.id) FROM certificate c WHERE NOT EXISTS
  (SELECT 1 FROM certificate_name n WHERE n.tenant_id = ?1 AND n.certificate_id = c.id)
UNION ALL SELECT 'a certificate without its private key''s row', hex(c.id) FROM certificate c WHERE NOT EXISTS
  (SELECT 1 FROM private_key k WHERE k.tenant_id = ?1 AND k.certificate_id = c.id)
UNION ALL SELECT 'a certificate of an issuer that is not there', hex(c.id) FROM certificate c WHERE NOT EXISTS
  (SELECT 1 FROM authority a WHERE a.tenant_id = ?1 AND a.id = c.issuer_id)
UNION ALL SELECT 'a serial number given out twice', hex(serial) FROM certificate GROUP BY serial HAVING count(*) > 1
UNION ALL SELECT 'a live certificate whose end nobody will note', hex(c.id) FROM certificate c WHERE c.status IN ('issued', 'renewed')
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'certificate.expire' AND j.id = c.id)
UNION ALL SELECT 'a revoked certificate without its revocation', hex(c.id) FROM certificate c WHERE c.status = 'revoked' AND NOT EXISTS
  (SELECT 1 FROM revocation r WHERE r.tenant_id = ?1 AND r.issuer_id = c.issuer_id AND r.shard = c.shard AND r.serial = c.serial)
UNION ALL SELECT 'a revocation of a certificate that is not revoked', hex(r.serial) FROM revocation r WHERE NOT EXISTS
  (SELECT 1 FROM certificate c WHERE c.tenant_id = ?1 AND c.serial = r.serial AND c.issuer_id = r.issuer_id AND c.status = 'revoked')
UNION ALL SELECT 'the counter of live certificates is wrong', k.value || ' counted, ' || l.live || ' there, at most ' || k.ceiling
  FROM counter k, (SELECT count(*) AS live FROM certificate WHERE status IN ('issued', 'renewed')) l
  WHERE k.name = 'certificates' AND (k.value <> l.live OR k.value > k.ceiling)
UNION ALL SELECT 'a message that nobody will deliver', hex(o.id) FROM outbox o WHERE NOT EXISTS
  (SELECT 1 FROM job j WHERE j.kind = 'outbox.deliver')
UNION ALL SELECT 'a list that nobody will renew', hex(c.issuer_id) FROM crl c WHERE NOT EXISTS
  (SELECT 1 FROM job j WHERE j.kind = 'crl.refresh' AND substr(j.subject, 1, 16) = c.issuer_id)
UNION ALL SELECT 'an issuer that will have no list', hex(a.id) FROM authority a WHERE a.certificate IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM crl c WHERE c.tenant_id = ?1 AND c.issuer_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'crl.publish' AND substr(j.subject, 1, 16) = a.id)
UNION ALL SELECT 'an issuer that nobody will retire', hex(a.id) FROM authority a WHERE a.state = 'active' AND a.retire_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'issuer.retire' AND j.subject = a.id)
UNION ALL SELECT 'a realm that nobody will sweep', hex(t.tenant_id) FROM tenant t WHERE
  (SELECT count(*) FROM job j WHERE j.kind = 'idempotency.sweep') <> 1";

/// Of the platform's own tables.
pub(crate) const PLATFORM: &str = "\
SELECT 'a saga that nobody will end', hex(r.tenant_id) FROM registered_tenant r WHERE r.status IN ('creating', 'suspending', 'resuming')
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'tenant.settle' AND j.subject = r.tenant_id)
UNION ALL SELECT 'an address of a tenant that is not registered', hex(a.public_id) FROM public_address a WHERE NOT EXISTS
  (SELECT 1 FROM registered_tenant r WHERE r.tenant_id = a.tenant_id)";
