//! I6: what is sealed opens only where it was put. Ciphertext is moved from below, then read through the API.

use crate::operations::{Ids, objects, sample};
use chancery_domain::TenantId;
use chancery_testkit::{Answer, Raw, TestServer, TestTenant, on_both_engines};
use serde_json::json;

/// Binary columns that are open, and why; every other one must be sealed and is tested here.
const OPEN: [(&str, &str); 85] = [
    ("account", "id"),
    ("account", "owner_id"),
    ("account", "person_id"),
    ("account_key", "account_id"),
    ("account_key", "id"),
    ("account_key", "spki"),      // public by nature
    ("archive", "destination"),   // sealed, and one row a tenant: tenants/archive.rs
    ("authority", "certificate"), // public by nature
    ("authority", "id"),
    ("authority", "line_id"),
    ("authority", "parent_id"),
    ("authority", "public_id"),
    ("certificate", "id"),
    ("certificate", "issuer_id"),
    ("certificate", "order_id"),
    ("certificate", "serial"),
    ("certificate_key", "blind"), // a keyed hash, for look-up
    ("certificate_key", "certificate_id"),
    ("certificate_name", "blind"), // a keyed hash, for look-up
    ("certificate_name", "certificate_id"),
    ("certificate_order", "certificate_id"),
    ("certificate_order", "id"),
    ("certificate_order", "requester"),
    ("cosigned", "note"), // a checkpoint
    ("crl", "der"),       // public by nature
    ("crl", "issuer_id"),
    ("document", "blind"), // a keyed hash, for look-up
    ("document", "id"),
    ("document_signature", "document_id"),
    ("document_signature", "signature_id"),
    ("duty_conflict", "id"),
    ("duty_conflict", "made_by"),
    ("event", "id"),
    ("event", "leaf"), // a salted commitment
    ("hold", "id"),
    ("hold", "placed_by"),
    ("hold", "released_by"),
    ("hold", "subject"),     // an id
    ("idempotency", "body"), // hashes
    ("idempotency", "event_id"),
    ("idempotency", "key"),
    ("idempotency", "principal"),
    ("idempotency", "subject"),
    ("imported", "blind"), // a keyed hash, for look-up
    ("imported", "certificate_id"),
    ("job", "id"),
    ("job", "subject"), // ids
    ("lineage", "event_id"),
    ("lineage", "subject"), // an id, or the name of a profile, which is open there, too
    ("log", "checkpoint"),  // public by nature
    ("log", "key"),         // sealed, and opened by the sequencer alone: tenants/log.rs
    ("log", "public_key"),
    ("log_tile", "events"), // ids
    ("log_tile", "hashes"), // of salted commitments
    ("outbox", "id"),
    ("outbox", "payload"), // ids
    ("private_key", "certificate_id"),
    ("publication", "event_id"),
    ("publication", "note"), // a checkpoint
    ("publication", "salt"), // sealed, and opened for evidence alone: tenants/platform_log.rs
    ("revocation", "issuer_id"),
    ("revocation", "serial"),
    ("request_nonce", "key_id"),
    ("request_nonce", "nonce"), // a hash
    ("role", "blind"),          // a keyed hash, for look-up
    ("role", "id"),
    ("role", "made_by"),
    ("role_binding", "account_id"),
    ("role_binding", "granted_by"),
    ("role_binding", "id"),
    ("role_binding", "role_id"),
    ("signature", "event_id"),
    ("signature", "id"),
    ("signature", "signer_id"),
    ("signer", "id"),
    ("signer_version", "certificate_id"),
    ("signer_version", "signer_id"),
    ("signing_profile", "signer_id"),
    ("subject_key", "blind"), // a keyed hash, for look-up
    ("subject_key", "certificate_id"),
    ("subject_key", "scope"), // a keyed hash, for comparison
    ("token", "account_id"),
    ("token", "hash"),
    ("token", "id"),
    ("token", "successor_id"),
];

/// A sealed column, the row of it that is tampered with, and how that row is read.
struct Sealed {
    table: String,
    column: String,
    /// The rest of the row's key, as SQL.
    row: String,
    read: String,
}

/// The sealed columns, taken from the database; a new one fails here until it is said how it is read.
async fn sealed(server: &TestServer, ids: &Ids) -> Vec<Sealed> {
    let columns = server.below(async |raw| raw.binary_columns(&server.acme.id).await).await;
    let hex = |id: &str| id.replace('-', "");
    let literal = |id: &str| if server.database().is_some() { format!("'\\x{}'", hex(id)) } else { format!("x'{}'", hex(id)) };
    let path = |rest: &str| format!("GET {}", server.acme.path(rest));
    let closed = columns.into_iter().filter(|(table, column)| column != "tenant_id" && !OPEN.contains(&(table.as_str(), column.as_str())));
    let found: Vec<_> = closed
        .map(|(table, column)| {
            let (row, read) = match table.as_str() {
                "account" => (format!("id = {}", literal(&ids["account"])), path(&format!("/accounts/{}", ids["account"]))),
                "account_key" => (format!("id = {}", literal(&ids["key"])), path(&format!("/accounts/{}/keys", ids["account"]))),
                "role" => (format!("id = {}", literal(&ids["own-role"])), path("/roles")),
                "role_binding" => (format!("id = {}", literal(&ids["binding"])), path(&format!("/bindings/{}", ids["binding"]))),
                "duty_conflict" => (format!("id = {}", literal(&ids["conflict"])), path("/duty-conflicts")),
                "profile" => ("name = 'tls-server'".to_owned(), path("/profiles/tls-server")),
                // Opened whole where its chain is asked for.
                "authority" => (format!("id = {}", literal(&ids["issuer"])), path(&format!("/certificates/{}", ids["certificate"]))),
                "certificate_order" => (format!("id = {}", literal(&ids["order"])), path(&format!("/orders/{}", ids["order"]))),
                "certificate" => (format!("id = {}", literal(&ids["certificate"])), path(&format!("/certificates/{}", ids["certificate"]))),
                "private_key" => {
                    let fetch = server.acme.path(&format!("/certificates/{}/private-key/fetch", ids["certificate"]));
                    (format!("certificate_id = {}", literal(&ids["certificate"])), format!("POST {fetch}"))
                }
                "signing_profile" => (format!("signer_id = {}", literal(&ids["signer-id"])), path(&format!("/signers/{}", ids["signer"]))),
                "signer_version" => {
                    // Opened whole where it signs.
                    let sign = server.acme.path(&format!("/signers/{}/signatures", ids["signer"]));
                    (format!("signer_id = {}", literal(&ids["signer-id"])), format!("POST {sign}"))
                }
                "signature" => (format!("id = {}", literal(&ids["signature"])), path(&format!("/signatures/{}", ids["signature"]))),
                "hold" => (format!("id = {}", literal(&ids["hold"])), path(&format!("/holds/{}", ids["hold"]))),
                "document" => (format!("id = {}", literal(&ids["document"])), path(&format!("/documents/{}", ids["document"]))),
                "document_signature" => {
                    (format!("document_id = {}", literal(&ids["document"])), path(&format!("/documents/{}", ids["document"])))
                }
                "event" => (format!("id = {}", literal(&ids["event"])), path("/events")),
                "kek" => ("kind = 'main'".to_owned(), path("/profiles")),
                "purpose_key" => ("purpose = 'metadata'".to_owned(), path("/profiles")),
                _ => panic!("{table}.{column} is binary and new: say in sealing.rs why it is open, or how it is read"),
            };
            Sealed { table, column, row, read }
        })
        .collect();
    assert!(found.len() >= 11, "the columns are found");
    found
}

async fn read(server: &TestServer, how: &str) -> Answer {
    let (method, path) = how.split_once(' ').unwrap();
    let body = if path.ends_with("/signatures") { sample("SignBody", &Ids::new()).to_string() } else { String::new() };
    server.as_(&server.acme.admin).with("content-type", "application/json").send(method, path, body).await
}

async fn prepared(server: &TestServer) -> Ids {
    let mut ids = objects(server, &server.acme).await;
    // A second row everywhere.
    objects(server, &server.acme).await;
    let account = json!({"name": "One more", "roles": ["viewer"]});
    let event = server.as_(&server.acme.admin).post(&server.acme.path("/accounts"), account).await.ok(201)["event"]["id"].clone();
    ids.insert("event", event.as_str().unwrap().to_owned());
    ids
}

impl Sealed {
    async fn value(&self, raw: &Raw, tenant: &TestTenant, condition: &str) -> Option<Vec<u8>> {
        let id: TenantId = tenant.id.parse().unwrap();
        let sql = format!("SELECT {c} FROM {t} WHERE tenant_id = ?1 AND {condition} AND {c} IS NOT NULL", c = self.column, t = self.table);
        raw.rows(&tenant.id, &sql, &[id.as_bytes()]).await.into_iter().next().and_then(|mut row| row.remove(0))
    }

    async fn put(&self, raw: &Raw, tenant: &TestTenant, value: &[u8]) {
        let id: TenantId = tenant.id.parse().unwrap();
        let sql = format!("UPDATE {} SET {} = ?2 WHERE tenant_id = ?1 AND {}", self.table, self.column, self.row);
        assert_eq!(raw.change(&tenant.id, &sql, &[id.as_bytes(), value]).await, 1, "{sql}");
    }

    /// Puts other bytes there, reads, and puts the right ones back.
    async fn refuses(&self, server: &TestServer, what: &str, other: impl AsyncFn(&Raw, &[u8]) -> Vec<u8>) {
        let right = server
            .below(async |raw| {
                let right = self.value(raw, &server.acme, &self.row).await.expect("the row is there");
                let other = other(raw, &right).await;
                assert_ne!(other, right, "{what}");
                self.put(raw, &server.acme, &other).await;
                right
            })
            .await;
        let problem = read(server, &self.read).await.problem(500, "internal");
        let told: Vec<_> = problem.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, ["detail", "request_id", "status", "title", "type"], "{}.{} {what}", self.table, self.column);
        assert!(!problem.to_string().contains("open") && !problem.to_string().contains("seal"), "{problem}");
        server.below(async |raw| self.put(raw, &server.acme, &right).await).await;
        assert!(read(server, &self.read).await.status.is_success(), "{}.{} is whole again", self.table, self.column);
    }
}

async fn what_is_moved_to_another_row_does_not_open(server: &TestServer) {
    let ids = prepared(server).await;
    for sealed in sealed(server, &ids).await {
        let elsewhere = format!("NOT ({})", sealed.row);
        sealed.refuses(server, "from another row", async |raw, _| sealed.value(raw, &server.acme, &elsewhere).await.unwrap()).await;
    }
}

async fn what_is_moved_to_another_column_does_not_open(server: &TestServer) {
    let ids = prepared(server).await;
    let all = sealed(server, &ids).await;
    for (at, sealed) in all.iter().enumerate() {
        let other = &all[(at + 1) % all.len()];
        sealed.refuses(server, "from another column", async |raw, _| other.value(raw, &server.acme, &other.row).await.unwrap()).await;
    }
}

async fn what_is_moved_from_another_tenant_does_not_open(server: &TestServer) {
    let ids = prepared(server).await;
    objects(server, server.in_brava()).await;
    for sealed in sealed(server, &ids).await {
        // The same row where rows have names, or any other.
        let named = if sealed.row.contains('\'') && !sealed.row.contains("x'") && !sealed.row.contains("\\x") {
            sealed.row.as_str()
        } else {
            "1 = 1"
        };
        sealed.refuses(server, "from another tenant", async |raw, _| sealed.value(raw, &server.brava, named).await.unwrap()).await;
    }
}

async fn what_is_changed_does_not_open(server: &TestServer) {
    let ids = prepared(server).await;
    for sealed in sealed(server, &ids).await {
        sealed
            .refuses(server, "with its last bit changed", async |_, right| {
                let mut changed = right.to_vec();
                *changed.last_mut().unwrap() ^= 1;
                changed
            })
            .await;
        sealed.refuses(server, "cut", async |_, right| right[..right.len() / 2].to_vec()).await;
    }
}

async fn an_event_answers_for_its_leaf(server: &TestServer) {
    let ids = prepared(server).await;
    let body = sealed(server, &ids).await.into_iter().find(|sealed| sealed.table == "event").unwrap();
    let leaf = Sealed { column: "leaf".to_owned(), ..body };
    leaf.refuses(server, "with another leaf", async |_, right| right.iter().rev().copied().collect()).await;
}

on_both_engines!(
    what_is_moved_to_another_row_does_not_open,
    what_is_moved_to_another_column_does_not_open,
    what_is_moved_from_another_tenant_does_not_open,
    what_is_changed_does_not_open,
    an_event_answers_for_its_leaf,
);
