//! I2: every documented operation with every role finds docs/authorisation.md, and nobody gives what they lack.

use crate::isolation::{is_golden, platform};
use crate::operations::{Called, Ids, objects, operations, release_all};
use chancery_domain::TenantId;
use chancery_domain::role::Role;
use chancery_testkit::matrix::{RoleCell, Verdict, role_cells};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

/// What comes too late when operations are called in the order of the document: the account is disabled by then, the token revoked,
/// the key erased, the certificate revoked, the issuer retired; and nothing is suspended yet.
const LATE: [&str; 11] = [
    "/accounts/{account}/keys",
    "/tenants/{tenant}/archive",
    "/accounts/{account}/tokens",
    "/tokens/{token}/rotate",
    "/private-key/fetch",
    "/certificates/{certificate}/renew",
    "/certificates/{certificate}/revoke",
    "/issuers/{issuer}/successor",
    "/tenants/{tenant}/signers",
    "/signers/{signer}/roll",
    "/tenants/{registered}/resume",
];

/// A role with its account, token, and what is there in its own realm and in another.
struct Holder {
    role: Role,
    account: String,
    token: String,
    own: Ids,
    other: Ids,
}

async fn holders(server: &TestServer) -> Vec<Holder> {
    let mut holders = Vec::new();
    let of_acme = objects(server, &server.acme).await;
    let of_platform = platform(server, &of_acme).await;
    for role in Role::ALL.iter().copied() {
        // Objects of each one's own: what one role revokes is there for the next.
        let holder = if role.exists_in(TenantId::PLATFORM) {
            let own = platform(server, &of_acme).await;
            let (account, token) = (own[&*format!("{role}-account")].clone(), own[role.as_str()].clone());
            Holder { role, account, token, own, other: of_acme.clone() }
        } else {
            let (account, token) = server.account(&server.acme, role.as_str()).await;
            let own = objects(server, &server.acme).await;
            Holder { role, account, token, own, other: Ids::from_iter(of_acme.clone().into_iter().chain(of_platform.clone())) }
        };
        holders.push(holder);
    }
    holders
}

async fn each_role_does_what_the_table_says_and_no_more(server: &TestServer) {
    let operations = operations(server).await;
    let (cells, holders) = (role_cells(&operations), holders(server).await);
    for holder in &holders {
        let mut denied = Vec::new();
        for cell in cells.iter().filter(|cell| cell.role == holder.role) {
            // The first denials of a minute are kept one by one.
            server.clock.advance(Duration::from_secs(4));
            denied.extend(meets(server, holder, cell).await);
        }
        let log = match holder.role.exists_in(TenantId::PLATFORM) {
            true => server.log(&server.operator, &TenantId::PLATFORM.to_string()).await,
            false => server.events(&server.acme).await,
        };
        let own = |entry: &&Value| entry["event"]["act"] == "denied" && entry["event"]["actor"]["id"] == holder.account.as_str();
        let told = log.iter().rev().filter(own).map(|entry| {
            assert_eq!(entry["event"]["outcome"], "denied");
            let detail = &entry["event"]["detail"];
            detail["action"].as_str().or(detail["cause"].as_str()).unwrap().to_owned()
        });
        assert_eq!(told.collect::<Vec<_>>(), denied, "{}", holder.role);
    }
    is_golden(&format!("| roles (I2) | {} |", cells.len()));
    assert_eq!(holders.len() * 2, cells.chunk_by(|one, other| one.operation.name() == other.operation.name()).next_back().unwrap().len());
}

/// Calls the operation; what the caller's log is to say of it.
async fn meets(server: &TestServer, holder: &Holder, cell: &RoleCell<'_>) -> Option<String> {
    let what = format!("{}, {}", cell.role, cell.operation.name());
    let ids = if cell.own { &holder.own } else { &holder.other };
    if cell.operation.path.ends_with("/remove") {
        release_all(server, &server.acme).await;
    }
    let answer = cell.operation.call(server.as_(&holder.token), ids).await;
    match cell.verdict {
        Verdict::Permitted => {
            let late = LATE.iter().any(|path| cell.operation.path.ends_with(path));
            assert!(answer.status.is_success() || (late && [409, 410].contains(&answer.status.as_u16())), "{what}: {}", answer.text());
            None
        }
        Verdict::Denied(action) => {
            assert_eq!(answer.status, 403, "{what}: {}", answer.text());
            assert_eq!(answer.problem(403, "forbidden")["detail"], format!("your roles do not include {action}"), "{what}");
            Some(action.to_string())
        }
        Verdict::ForeignRealm => {
            assert_eq!(answer.status, 404, "{what}: {}", answer.text());
            Some("foreign-tenant".to_owned())
        }
        Verdict::NoSuchObject => {
            assert_eq!(answer.status, 404, "{what}: {}", answer.text());
            None
        }
    }
}

async fn nobody_gives_what_they_lack(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (lead, token) = server.account(&server.acme, "security-lead").await;
    let lead_client = server.as_(&token);
    for (role, given) in [("tenant-admin", false), ("issuer", false), ("security-lead", true), ("auditor", true), ("viewer", true)] {
        let answer = lead_client.post(&server.acme.path("/accounts"), json!({"name": "Max", "roles": ["viewer", role]})).await;
        if given {
            drop(answer.ok(201))
        } else {
            drop(answer.problem(403, "escalation"))
        }
        // Nor by minting a token for an account that has it.
        let account = admin.post(&server.acme.path("/accounts"), json!({"name": "Max", "roles": [role]})).await.ok(201);
        let mint = server.acme.path(&format!("/accounts/{}/tokens", account["id"].as_str().unwrap()));
        let answer = lead_client.post(&mint, json!({})).await;
        if given { drop(answer.ok(201)) } else { drop(answer.problem(403, "escalation")) }
    }
    // Roles of the other realm do not exist, whoever asks.
    for role in ["operator", "support", "root", ""] {
        admin.post(&server.acme.path("/accounts"), json!({"name": "Max", "roles": [role]})).await.problem(422, "invalid");
    }
    let platform = format!("/v1/tenants/{}/accounts", TenantId::PLATFORM);
    server.as_(&server.operator).post(&platform, json!({"name": "Max", "roles": ["tenant-admin"]})).await.problem(422, "invalid");

    let log = server.events(&server.acme).await;
    let denied: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == "denied").collect();
    assert_eq!(denied.len(), 4);
    assert!(denied.iter().all(|entry| entry["event"]["actor"]["id"] == lead.as_str() && entry["event"]["outcome"] == "denied"));
}

on_both_engines!(each_role_does_what_the_table_says_and_no_more, nobody_gives_what_they_lack,);
