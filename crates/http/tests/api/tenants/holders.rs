//! Who stands behind an account: people with several accounts, service accounts and those who answer for them.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

async fn make(server: &TestServer, token: &str, more: Value) -> Value {
    let mut body = json!({"name": "Somebody", "roles": ["viewer"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.as_(token).post(&server.acme.path("/accounts"), body).await.ok(201)
}

/// What is shown of an account: what it is, whose it is, and who answers for it.
fn held(account: &Value) -> (&str, &str, Option<&str>, bool) {
    let text = |name: &str| account[name].as_str();
    (text("kind").unwrap(), text("person").unwrap(), text("owner"), account["orphaned"].as_bool().unwrap())
}

async fn an_account_is_a_persons_or_a_service_of_somebody(server: &TestServer) {
    let acme = &server.acme;
    let user = make(server, &acme.admin, json!({})).await;
    assert_eq!(held(&user), ("user", text(&user["id"]).as_str(), None, false), "a person of its own");
    let second = make(server, &acme.admin, json!({"same_person_as": user["id"]})).await;
    assert_eq!(held(&second), ("user", text(&user["id"]).as_str(), None, false));
    // Whoever makes a service account owns it, unless it says otherwise.
    let service = make(server, &acme.admin, json!({"kind": "service"})).await;
    assert_eq!(held(&service), ("service", acme.account.as_str(), Some(acme.account.as_str()), false));
    let theirs = make(server, &acme.admin, json!({"owner": second["id"]})).await;
    assert_eq!(held(&theirs), ("service", text(&user["id"]).as_str(), second["id"].as_str(), false), "its owner's person");
    let shown = server.as_(&acme.admin).get(&acme.path(&format!("/accounts/{}", text(&theirs["id"])))).await.ok(200);
    assert_eq!(held(&shown), held(&theirs));

    let log = server.events(acme).await;
    let told = |made: &Value| log.iter().find(|entry| entry["id"] == made["event"]["id"]).unwrap()["event"]["detail"].clone();
    assert_eq!((&told(&second)["kind"], &told(&second)["person"]), (&json!("user"), &user["id"]));
    assert_eq!((&told(&theirs)["kind"], &told(&theirs)["owner"]), (&json!("service"), &second["id"]));
}

async fn only_an_enabled_user_of_the_tenant_answers_for_others(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let service = make(server, &acme.admin, json!({"kind": "service"})).await;
    let gone = make(server, &acme.admin, json!({})).await;
    admin.post(&acme.path(&format!("/accounts/{}/disable", text(&gone["id"]))), json!({})).await.ok(200);
    let user = make(server, &acme.admin, json!({})).await;
    for id in [&service["id"], &gone["id"], &json!(server.brava.account), &json!("0190a000-0000-7000-8000-000000000001")] {
        for field in ["owner", "same_person_as"] {
            let body = json!({"name": "Somebody", "roles": ["viewer"], field: id});
            let problem = admin.post(&acme.path("/accounts"), body).await.problem(422, "invalid");
            assert_eq!((&problem["field"], problem["detail"].as_str().unwrap().contains("enabled user")), (&json!(field), true));
            let verb = if field == "owner" { "owner" } else { "person" };
            let path = acme.path(&format!("/accounts/{}/{verb}", text(&user["id"])));
            admin.post(&path, json!({field: id})).await.problem(422, "invalid");
        }
    }
    for more in [json!({"kind": "user", "owner": user["id"]}), json!({"kind": "service", "same_person_as": user["id"]})] {
        let mut body = json!({"name": "Somebody", "roles": ["viewer"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.post(&acme.path("/accounts"), body).await.problem(422, "invalid");
    }
    // A service that makes a service account has to name a user.
    let maker = make(server, &acme.admin, json!({"kind": "service", "roles": ["security-lead"]})).await;
    let token = admin.post(&acme.path(&format!("/accounts/{}/tokens", text(&maker["id"]))), json!({})).await.ok(201);
    let body = json!({"name": "Somebody", "roles": ["viewer"], "kind": "service"});
    server.as_(&text(&token["token"])).post(&acme.path("/accounts"), body).await.problem(422, "invalid");
}

async fn a_service_whose_owner_is_disabled_gets_no_token_until_it_has_another(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let owner = make(server, &acme.admin, json!({})).await;
    let service = make(server, &acme.admin, json!({"owner": owner["id"]})).await;
    let path = acme.path(&format!("/accounts/{}", text(&service["id"])));
    let minted = admin.post(&format!("{path}/tokens"), json!({})).await.ok(201);
    let disabled = admin.post(&acme.path(&format!("/accounts/{}/disable", text(&owner["id"]))), json!({})).await.ok(200);
    let log = server.events(acme).await;
    let event = log.iter().find(|entry| entry["id"] == disabled["event"]["id"]).unwrap();
    assert_eq!(event["event"]["detail"]["owns"], json!([service["id"]]), "who is left without an owner");

    // It goes on working, and its state says what is to be done.
    server.as_(&text(&minted["token"])).get(&acme.path("/profiles")).await.ok(200);
    assert!(held(&admin.get(&path).await.ok(200)).3);
    let rotate = format!("{path}/tokens/{}/rotate", text(&minted["id"]));
    for refused in [format!("{path}/tokens"), rotate.clone()] {
        let problem = admin.post(&refused, json!({})).await.problem(409, "conflict");
        assert!(problem["detail"].as_str().unwrap().contains("another owner"));
    }
    let owned = admin.post(&format!("{path}/owner"), json!({"owner": acme.account})).await.ok(200);
    assert_eq!(held(&owned), ("service", acme.account.as_str(), Some(acme.account.as_str()), false));
    admin.post(&rotate, json!({})).await.ok(201);
    admin.post(&format!("{path}/owner"), json!({"owner": acme.account})).await.problem(409, "conflict");
}

async fn people_are_joined_with_all_that_they_hold(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let [one, other] = [make(server, &acme.admin, json!({})).await, make(server, &acme.admin, json!({})).await];
    let second = make(server, &acme.admin, json!({"same_person_as": one["id"]})).await;
    let service = make(server, &acme.admin, json!({"owner": second["id"]})).await;
    let join = |account: &Value| acme.path(&format!("/accounts/{}/person", text(&account["id"])));
    let joined = admin.post(&join(&second), json!({"same_person_as": other["id"]})).await.ok(200);
    for account in [&joined, &one, &second, &other, &service] {
        let shown = admin.get(&acme.path(&format!("/accounts/{}", text(&account["id"])))).await.ok(200);
        assert_eq!(shown["person"], other["person"]);
    }
    admin.post(&join(&one), json!({"same_person_as": other["id"]})).await.problem(409, "conflict");
    // Whoever is behind a service account is its owner, and nobody else is made so by a declaration.
    let strange = make(server, &acme.admin, json!({"kind": "service"})).await;
    admin.post(&join(&strange), json!({"same_person_as": other["id"]})).await.problem(409, "conflict");
    // Another tenant's people are as they were.
    let theirs = server.as_(&server.brava.admin).get(&server.brava.path(&format!("/accounts/{}", server.brava.account))).await.ok(200);
    assert_eq!(theirs["person"], json!(server.brava.account));
}

async fn nobody_lets_go_of_an_account_of_their_own(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let lead = make(server, &acme.admin, json!({"roles": ["security-lead"]})).await;
    let token = admin.post(&acme.path(&format!("/accounts/{}/tokens", text(&lead["id"]))), json!({})).await.ok(201);
    let lead_client = server.as_(&text(&token["token"]));
    let service = make(server, &acme.admin, json!({"kind": "service"})).await;
    let own = |account: &str| acme.path(&format!("/accounts/{account}/owner"));
    let service = text(&service["id"]);
    let problem = admin.post(&own(&service), json!({"owner": lead["id"]})).await.problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("your own"));
    admin.post(&own(&acme.account), json!({"owner": lead["id"]})).await.problem(409, "conflict");
    // Within what one person holds it may pass.
    let second = make(server, &acme.admin, json!({"same_person_as": acme.account})).await;
    admin.post(&own(&service), json!({"owner": second["id"]})).await.ok(200);
    lead_client.post(&own(&service), json!({"owner": lead["id"]})).await.ok(200);
    // Who owns services answers for himself, and nobody for themselves.
    admin.post(&own(&text(&lead["id"])), json!({"owner": acme.account})).await.problem(409, "conflict");
    admin.post(&own(&text(&second["id"])), json!({"owner": second["id"]})).await.problem(422, "invalid");
}

on_both_engines!(
    an_account_is_a_persons_or_a_service_of_somebody,
    only_an_enabled_user_of_the_tenant_answers_for_others,
    a_service_whose_owner_is_disabled_gets_no_token_until_it_has_another,
    people_are_joined_with_all_that_they_hold,
    nobody_lets_go_of_an_account_of_their_own,
);
