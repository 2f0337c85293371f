//! Duties kept apart: whichever way somebody would come to hold both sides.

use super::scopes::{bind, nobody, role};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

const RULES: [&str; 8] =
    ["profile:read", "profile:write", "account:read", "account:write", "role:read", "role:write", "duty:write", "event:read"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Acme with its rules and its use in different hands: the roles of both, and who gives those of use.
struct Apart {
    rules: String,
    usage: String,
    head: (String, String),
}

async fn apart(server: &TestServer) -> Apart {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let rules = role(server, "rules", &RULES).await;
    let usage = role(server, "usage", &["certificate:issue", "certificate:read", "profile:read"]).await;
    let grants = role(server, "grants", &["role:read", "role:write", "account:read", "account:write"]).await;
    let head = nobody(server).await;
    bind(server, &acme.admin, &head.0, &usage, json!({})).await;
    bind(server, &acme.admin, &head.0, &grants, json!({})).await;
    // While somebody holds both it cannot be declared, and who that is is said.
    let refused = declare(server).await.problem(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains(&acme.account) && !refused["detail"].as_str().unwrap().contains(&head.0));
    bind(server, &acme.admin, &acme.account, &rules, json!({})).await;
    admin.post(&acme.path(&format!("/accounts/{}/roles", acme.account)), json!({"roles": []})).await.ok(200);
    let declared = declare(server).await.ok(201);
    let listed = admin.get(&acme.path("/duty-conflicts")).await.ok(200);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["other"]), (&declared["id"], &json!(["certificate:issue"])));
    Apart { rules, usage, head }
}

async fn declare(server: &TestServer) -> chancery_testkit::Answer {
    let body = json!({"name": "rules and use", "one": ["profile:write"], "other": ["certificate:issue"]});
    server.as_(&server.acme.admin).post(&server.acme.path("/duty-conflicts"), body).await
}

async fn nobody_comes_to_hold_both_sides(server: &TestServer) {
    let Apart { rules, usage, head } = apart(server).await;
    let (acme, admin, lead) = (&server.acme, server.as_(&server.acme.admin), server.as_(&head.1));
    let kept = |answer: chancery_testkit::Answer, how: &str| {
        let problem = answer.problem(409, "conflict");
        assert!(problem["detail"].as_str().unwrap().contains("rules and use"), "{how}: {problem}");
    };
    let binding = |account: &str, role: &str| json!({"account": account, "role": role});
    let made = async |more: Value| {
        let mut body = json!({"name": "Somebody", "roles": []});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&admin.post(&acme.path("/accounts"), body).await.ok(201)["id"])
    };
    let (bindings, within) = (acme.path("/bindings"), json!({"profiles": []}));
    kept(lead.post(&bindings, binding(&acme.account, &usage)).await, "the same account");
    let narrow = json!({"account": acme.account, "role": usage, "scope": within});
    kept(lead.post(&bindings, narrow).await, "however narrow");
    let second = made(json!({"same_person_as": acme.account})).await;
    kept(lead.post(&bindings, binding(&second, &usage)).await, "a second account");
    let service = made(json!({"owner": acme.account})).await;
    kept(lead.post(&bindings, binding(&service, &usage)).await, "a service of one's own");
    let seconds = made(json!({"owner": second})).await;
    kept(lead.post(&bindings, binding(&seconds, &usage)).await, "a service of one's second account");

    let user = made(json!({})).await;
    lead.post(&bindings, binding(&user, &usage)).await.ok(201);
    kept(admin.post(&acme.path(&format!("/accounts/{user}/person")), json!({"same_person_as": acme.account})).await, "joining");
    kept(admin.post(&acme.path(&format!("/accounts/{second}/person")), json!({"same_person_as": user})).await, "joining the other way");
    kept(admin.post(&acme.path(&format!("/accounts/{user}/owner")), json!({"owner": acme.account})).await, "owning");
    let change = |role: &str, name: &str, actions: Value| {
        let (path, body) = (acme.path(&format!("/roles/{role}")), json!({"name": name, "actions": actions}).to_string());
        (path, body)
    };
    let put = |token: &str| server.as_(token).with("if-match", "\"1\"").with("content-type", "application/json");
    let (path, body) = change(&usage, "usage", json!(["certificate:issue", "profile:write"]));
    // Who may give the one side holds the other for nobody: the admin tries, for the rules are the admin's to give.
    kept(put(&acme.admin).send("PUT", &path, body).await, "a role that others hold");
    let (path, body) = change(&rules, "rules", json!(["profile:write", "certificate:issue"]));
    kept(put(&head.1).send("PUT", &path, body).await, "a role that the admin holds");

    // What violates nothing goes on, and with the conflict gone everything does.
    let (fresh, _) = nobody(server).await;
    admin.post(&bindings, binding(&fresh, &rules)).await.ok(201);
    let found = admin.get(&acme.path("/duty-conflicts")).await.ok(200);
    let end = acme.path(&format!("/duty-conflicts/{}/end", text(&found["items"][0]["id"])));
    admin.post(&end, json!({})).await.ok(200);
    admin.post(&end, json!({})).await.problem(409, "conflict");
    assert_eq!(admin.get(&acme.path("/duty-conflicts")).await.ok(200)["items"], json!([]));
    lead.post(&bindings, binding(&fresh, &usage)).await.ok(201);
    let log = server.log(&acme.admin, &acme.id).await;
    let told = log.iter().filter(|entry| entry["event"]["act"] == "denied" && entry["event"]["detail"]["cause"] == "duties");
    assert!(told.count() >= 5, "the first of a minute are told one by one");
}

async fn of_two_bindings_at_once_that_together_violate_one_stands(server: &TestServer) {
    let Apart { rules, usage, head } = apart(server).await;
    for round in 0..10 {
        let (account, _) = nobody(server).await;
        let tasks = [(server.acme.admin.clone(), rules.clone()), (head.1.clone(), usage.clone())].map(|(token, role)| {
            let (client, path) = (server.as_(&token), server.acme.path("/bindings"));
            let body = json!({"account": account, "role": role});
            tokio::spawn(async move { client.post(&path, body).await.status.as_u16() })
        });
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers.sort_unstable();
        assert_eq!(answers, [201, 409], "round {round}");
    }
}

async fn sides_that_keep_nothing_apart_are_refused(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let declare =
        async |one: Value, other: Value| admin.post(&acme.path("/duty-conflicts"), json!({"name": "x", "one": one, "other": other})).await;
    for (one, other) in [
        (json!([]), json!(["registry:write"])),
        (json!(["registry:write"]), json!([])),
        (json!(["registry:write"]), json!(["registry:read", "registry:write"])),
        (json!(["registry:write"]), json!(["no:such"])),
    ] {
        declare(one, other).await.problem(422, "invalid");
    }
    // What nobody here can hold keeps nobody from anything.
    for _ in 0..200 {
        declare(json!(["registry:write"]), json!(["event:read"])).await.ok(201);
    }
    declare(json!(["registry:write"]), json!(["event:read"])).await.problem(403, "quota");
}

on_both_engines!(
    sides_that_keep_nothing_apart_are_refused,
    nobody_comes_to_hold_both_sides,
    of_two_bindings_at_once_that_together_violate_one_stands,
);
