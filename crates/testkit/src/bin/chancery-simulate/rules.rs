//! What must hold of the tables after every commit. Each line of an answer is a breach: the rule, and what breaks it.

/// Of each realm's tables.
pub(crate) const REALM: &str = "\
SELECT 'an act recorded as done without its event', hex(i.event_id) FROM idempotency i
  WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.tenant_id = ?1 AND e.id = i.event_id)
UNION ALL SELECT 'two acts with one event', hex(event_id) FROM idempotency GROUP BY event_id HAVING count(*) > 1
UNION ALL SELECT 'a place in the log given twice', log_epoch || '/' || leaf_index FROM event WHERE leaf_index IS NOT NULL
  GROUP BY log_epoch, leaf_index HAVING count(*) > 1
UNION ALL SELECT 'a log with a gap, or of another size than its events', l.epoch || ': ' || l.size FROM log l WHERE
  l.size <> (SELECT count(*) FROM event e WHERE e.log_epoch = l.epoch) OR
  l.size <> (SELECT max(e.leaf_index) + 1 FROM event e WHERE e.log_epoch = l.epoch)
UNION ALL SELECT 'an event that its tile does not have where it stands', hex(e.id) FROM event e WHERE e.leaf_index IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM log_tile t WHERE t.epoch = e.log_epoch AND t.level = 0 AND t.tile_index = e.leaf_index / 256
   AND substr(t.events, e.leaf_index % 256 * 16 + 1, 16) = e.id AND substr(t.hashes, e.leaf_index % 256 * 32 + 1, 32) = e.leaf)
UNION ALL SELECT 'a checkpoint given to the platform of a log that is not there, or of a longer one', p.epoch || '/' || p.size FROM publication p
  WHERE NOT EXISTS (SELECT 1 FROM log l WHERE l.tenant_id = ?1 AND l.epoch = p.epoch AND l.size >= p.size)
UNION ALL SELECT 'a log whose growth nobody will give to the platform', l.epoch || ': ' || l.size FROM log l WHERE ?1 <> zeroblob(16)
  AND l.epoch = (SELECT max(epoch) FROM log) AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'log.publish')
  AND NOT EXISTS (SELECT 1 FROM publication p WHERE p.tenant_id = ?1 AND p.epoch = l.epoch AND p.size = l.size)
UNION ALL SELECT 'something said to be made by an event that is not there', l.kind FROM lineage l WHERE NOT EXISTS
  (SELECT 1 FROM event e WHERE e.tenant_id = ?1 AND e.id = l.event_id)
UNION ALL SELECT 'a version of a profile that no event is known to have made', p.name FROM profile p WHERE NOT EXISTS
  (SELECT 1 FROM lineage l WHERE l.tenant_id = ?1 AND l.kind = 'profile' AND l.subject = CAST(p.name AS BLOB) AND l.version = p.version)
UNION ALL SELECT 'a revocation that no event is known to have made', hex(c.id) FROM certificate c WHERE c.status = 'revoked' AND NOT EXISTS
  (SELECT 1 FROM lineage l WHERE l.tenant_id = ?1 AND l.kind = 'revocation' AND l.subject = c.id)
UNION ALL SELECT 'a certificate without its order', hex(c.id) FROM certificate c WHERE c.order_id IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM certificate_order o WHERE o.tenant_id = ?1 AND o.id = c.order_id AND o.certificate_id = c.id)
UNION ALL SELECT 'an order without its certificate', hex(o.id) FROM certificate_order o WHERE o.certificate_id IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM certificate c WHERE c.tenant_id = ?1 AND c.id = o.certificate_id)
UNION ALL SELECT 'an order under a profile that is not there', hex(o.id) FROM certificate_order o WHERE NOT EXISTS
  (SELECT 1 FROM profile p WHERE p.tenant_id = ?1 AND p.name = o.profile AND p.version = o.policy_version)
UNION ALL SELECT 'a version of a profile is missing', p.name FROM profile p GROUP BY p.name HAVING count(*) <> max(p.version)
UNION ALL SELECT 'a certificate that was neither asked for nor taken in', hex(c.id) FROM certificate c WHERE c.order_id IS NULL AND
  c.id NOT IN (SELECT certificate_id FROM imported)
UNION ALL SELECT 'what was taken in is not there', hex(i.certificate_id) FROM imported i WHERE
  i.certificate_id NOT IN (SELECT id FROM certificate WHERE order_id IS NULL)
UNION ALL SELECT 'a certificate that is not found by its name', hex(c.id) FROM certificate c WHERE NOT EXISTS
  (SELECT 1 FROM certificate_name n WHERE n.tenant_id = ?1 AND n.certificate_id = c.id)
UNION ALL SELECT 'a certificate that is not found by its key', hex(c.id) FROM certificate c WHERE
  c.id NOT IN (SELECT certificate_id FROM certificate_key)
UNION ALL SELECT 'a key of a certificate that is not there', hex(k.certificate_id) FROM certificate_key k WHERE
  k.certificate_id NOT IN (SELECT id FROM certificate)
UNION ALL SELECT 'a certified key that is not known', hex(k.certificate_id) FROM certificate_key k WHERE
  k.blind NOT IN (SELECT blind FROM subject_key)
UNION ALL SELECT 'a known key that was never certified', hex(s.certificate_id) FROM subject_key s WHERE
  s.blind NOT IN (SELECT blind FROM certificate_key)
UNION ALL SELECT 'a key certified for other names', hex(k.certificate_id) FROM certificate_key k
  JOIN certificate_key l ON l.tenant_id = ?1 AND l.blind = k.blind AND l.certificate_id <> k.certificate_id
  JOIN certificate_name n ON n.tenant_id = ?1 AND n.certificate_id = l.certificate_id WHERE NOT EXISTS
  (SELECT 1 FROM certificate_name m WHERE m.tenant_id = ?1 AND m.blind = n.blind AND m.certificate_id = k.certificate_id)
UNION ALL SELECT 'a private key that should be here or should not', hex(c.id) FROM certificate c WHERE
  (c.custody = 'software-release-once') <> (c.id IN (SELECT certificate_id FROM private_key))
UNION ALL SELECT 'a private key erased that nobody fetched', hex(k.certificate_id) FROM private_key k WHERE k.key IS NULL AND k.fetches = 0
UNION ALL SELECT 'a certificate of an issuer that is not there', hex(c.id) FROM certificate c WHERE c.issuer_id IS NOT NULL AND NOT EXISTS
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
  (SELECT count(*) FROM job j WHERE j.kind = 'idempotency.sweep') <> 1
UNION ALL SELECT 'a token of an account that is not there', hex(t.id) FROM token t WHERE t.account_id IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM account a WHERE a.tenant_id = ?1 AND a.id = t.account_id)
UNION ALL SELECT 'a service account that no user owns', hex(s.id) FROM account s WHERE s.kind = 'service' AND NOT EXISTS
  (SELECT 1 FROM account a WHERE a.tenant_id = ?1 AND a.id = s.owner_id AND a.kind = 'user')
UNION ALL SELECT 'a key of an account that is not there', hex(k.id) FROM account_key k WHERE NOT EXISTS
  (SELECT 1 FROM account a WHERE a.tenant_id = ?1 AND a.id = k.account_id)
UNION ALL SELECT 'a nonce of a key that is not there', hex(n.key_id) FROM request_nonce n WHERE n.key_id NOT IN (SELECT id FROM account_key)
UNION ALL SELECT 'a nonce that is there and forgotten', hex(n.nonce) FROM request_nonce n JOIN authentication a ON
  a.tenant_id = ?1 AND n.expires_at < a.nonces_until
UNION ALL SELECT 'a signer without the one version that signs', hex(s.id) FROM signer s WHERE
  (SELECT count(*) FROM signer_version v WHERE v.tenant_id = ?1 AND v.signer_id = s.id AND v.retired_at IS NULL) <> 1
UNION ALL SELECT 'a version of a signer whose key should be here or should not', hex(v.signer_id) FROM signer_version v
  WHERE (v.key IS NULL) <> (v.retired_at IS NOT NULL)
UNION ALL SELECT 'a version of a signer whose certificate is not there', hex(v.signer_id) FROM signer_version v
  WHERE v.certificate_id IS NOT NULL AND v.certificate_id NOT IN (SELECT id FROM certificate)
UNION ALL SELECT 'a version of a signing profile is missing', hex(s.id) FROM signer s WHERE
  (SELECT count(*) FROM signing_profile p WHERE p.tenant_id = ?1 AND p.signer_id = s.id) IS NOT
  (SELECT max(version) FROM signing_profile p WHERE p.tenant_id = ?1 AND p.signer_id = s.id)
UNION ALL SELECT 'a signature of a signer that is not there', hex(g.id) FROM signature g WHERE g.signer_id NOT IN (SELECT id FROM signer)
UNION ALL SELECT 'a signature without its event', hex(g.id) FROM signature g WHERE NOT EXISTS
  (SELECT 1 FROM event e WHERE e.tenant_id = ?1 AND e.id = g.event_id)
UNION ALL SELECT 'a document whose signatures have a gap', hex(d.id) FROM document d WHERE
  (SELECT count(*) FROM document_signature s WHERE s.document_id = d.id) IS NOT
  (SELECT max(s.place) FROM document_signature s WHERE s.document_id = d.id)
UNION ALL SELECT 'a version of a document that does not follow the one before it', hex(s.document_id) || '/' || s.place
  FROM document_signature s WHERE s.version - coalesce((SELECT b.version FROM document_signature b
  WHERE b.document_id = s.document_id AND b.place = s.place - 1), 0) NOT IN (0, 1)
UNION ALL SELECT 'a version of a document that no event is known to have made', hex(s.document_id) || '/' || s.version
  FROM document_signature s WHERE NOT EXISTS (SELECT 1 FROM lineage l WHERE l.tenant_id = ?1 AND l.kind = 'document-version'
  AND l.subject = s.document_id AND l.version = s.version)
UNION ALL SELECT 'a signature of a document that is not there', hex(s.signature_id) FROM document_signature s WHERE
  s.document_id NOT IN (SELECT id FROM document) OR s.signature_id NOT IN (SELECT id FROM signature)
UNION ALL SELECT 'signatures that were not counted, one document each', k.n || ' counted, ' || g.n || ' there' FROM
  (SELECT coalesce(sum(total), 0) AS n FROM counter WHERE name LIKE 'signatures:%' AND length(name) = 47) k,
  (SELECT count(*) AS n FROM signature) g WHERE k.n <> g.n
UNION ALL SELECT 'a purpose key under a wrapping key that is not there', p.purpose FROM purpose_key p WHERE
  p.kek_version NOT IN (SELECT version FROM kek)";

/// Of the platform's own tables.
pub(crate) const PLATFORM: &str = "\
SELECT 'a saga that nobody will end', hex(r.tenant_id) FROM registered_tenant r WHERE r.status IN ('creating', 'suspending', 'resuming')
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'tenant.settle' AND j.subject = r.tenant_id)
UNION ALL SELECT 'an address of a tenant that is not registered', hex(a.public_id) FROM public_address a WHERE NOT EXISTS
  (SELECT 1 FROM registered_tenant r WHERE r.tenant_id = a.tenant_id)";
