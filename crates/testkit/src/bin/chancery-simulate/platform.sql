-- What must hold of the platform's tables after every commit.
SELECT 'a saga that nobody will end', hex(r.tenant_id) FROM registered_tenant r WHERE r.status IN ('creating', 'suspending', 'resuming')
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.kind = 'tenant.settle' AND j.subject = r.tenant_id)
UNION ALL SELECT 'an address of a tenant that is not registered', hex(a.public_id) FROM public_address a WHERE NOT EXISTS
  (SELECT 1 FROM registered_tenant r WHERE r.tenant_id = a.tenant_id)
