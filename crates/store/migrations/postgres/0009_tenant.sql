-- Most are issued and are in no index of states; what is no longer issued leaves that of renewals, which holds what may be renewed
-- instead of all that ever was. So issuing and each change of state write one index entry fewer. An indexed state still means that
-- PostgreSQL writes into every index that has the row when it changes (no HOT update). The indexes of 0007 do not all grow at their
-- ends: those of states, issuers and profiles grow at the end of each value, those of times where a certificate's lifetime puts it.
DROP INDEX certificate_by_status;
DROP INDEX certificate_by_renewal;
CREATE INDEX certificate_by_status ON certificate (tenant_id, status, id) WHERE status <> 'issued';
CREATE INDEX certificate_by_renewal ON certificate (tenant_id, renew_at, id) WHERE status = 'issued';
