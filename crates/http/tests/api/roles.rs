//! I2: every documented operation with every role finds docs/authorisation.md, and nobody gives what they lack.

use crate::operations::{objects, operations};
use chancery_domain::TenantId;
use chancery_domain::action::Action;
use chancery_domain::role::Role;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn each_role_does_what_the_table_says_and_no_more(server: &TestServer) {
    let all = operations(server).await;
    let tenant: TenantId = server.acme.id.parse().unwrap();
    for role in Role::ALL.iter().filter(|role| role.exists_in(tenant)) {
        let (account, token) = server.account(&server.acme, role.as_str()).await;
        let ids = objects(server, &server.acme).await;
        let mut denied = Vec::new();
        for operation in all.iter().filter(|operation| operation.path.starts_with("/v1/tenants")) {
            let action = operation.action.as_deref().unwrap_or_else(|| panic!("{} names no action", operation.name()));
            let action = Action::ALL.iter().find(|known| known.as_str() == action).expect("an action of the domain");
            // The first denials of a minute are kept one by one.
            server.clock.advance(Duration::from_secs(4));
            let answer = operation.call(server.as_(&token), &ids).await;
            if role.permits(*action) {
                // Another operation may have been here before: a certificate is revoked once.
                assert!([200, 201, 409, 410, 412].contains(&answer.status.as_u16()), "{role}, {}: {}", operation.name(), answer.text());
            } else {
                let problem = answer.problem(403, "forbidden");
                assert_eq!(problem["detail"], format!("your roles do not include {action}"), "{role}, {}", operation.name());
                denied.push(Value::from(action.as_str()));
            }
        }
        let log = server.events(&server.acme).await;
        let told = log.iter().rev().filter(|entry| entry["event"]["act"] == "denied" && entry["event"]["actor"]["id"] == account.as_str());
        assert_eq!(told.map(|entry| entry["event"]["detail"]["action"].clone()).collect::<Vec<_>>(), denied, "{role}");
    }
}

async fn platform_roles_run_the_register_and_nothing_else(server: &TestServer) {
    let (platform, operator) = (TenantId::PLATFORM.to_string(), server.as_(&server.operator));
    let path = |rest: &str| format!("/v1/tenants/{platform}{rest}");
    let account = operator.post(&path("/accounts"), json!({"name": "Sue", "roles": ["support"]})).await.ok(201);
    let account = account["id"].as_str().unwrap();
    let token = operator.post(&path(&format!("/accounts/{account}/tokens")), json!({})).await.ok(201);
    let support = server.as_(token["token"].as_str().unwrap());
    let mut ids = objects(server, &server.acme).await;
    for operation in operations(server).await.iter().filter(|operation| operation.path.starts_with("/v1/platform")) {
        let answer = operation.call(support.clone(), &ids).await;
        if operation.action.as_deref() == Some("registry:read") {
            assert_eq!(answer.status, 200, "{}", operation.name());
        } else {
            answer.problem(403, "forbidden");
        }
        let answer = operation.call(operator.clone(), &ids).await;
        assert!([200, 201, 409].contains(&answer.status.as_u16()), "{}: {}", operation.name(), answer.text());
    }
    // The platform is a realm like any other, but nothing is issued in it.
    ids.insert("tenant", platform.clone());
    for rest in ["", "/certificates", "/issuers", "/profiles", "/orders"] {
        operator.get(&path(rest)).await.problem(403, "forbidden");
    }
    operator.get(&path("/accounts")).await.ok(200);
    operator.get(&path("/events")).await.ok(200);
    support.get(&path("/events")).await.problem(403, "forbidden");
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

on_both_engines!(
    each_role_does_what_the_table_says_and_no_more,
    platform_roles_run_the_register_and_nothing_else,
    nobody_gives_what_they_lack,
);
