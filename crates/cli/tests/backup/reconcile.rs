//! What was published after the backup comes back, and no CRL number is used twice.

use crate::installation::Installation;
use crate::on_both;
use crate::restored::restored;
use crate::world;
use chancery_testkit::Engine;
use std::fs;
use std::time::Duration;

on_both!(revocations_come_back_from_the_published_lists, lists_are_genuine_and_complete);

async fn revocations_come_back_from_the_published_lists(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    let (mut known, mut early) = (Vec::new(), Vec::new());
    for tenant in &tenants {
        known.push(tenant.issue(&server, "known").await);
        let revoked = tenant.issue(&server, "early").await;
        tenant.revoke(&server, &revoked, "superseded").await;
        tenant.list_with(&server, &revoked).await;
        early.push(revoked);
    }
    let (_, invited) = server.post(&operator, "/v1/platform/tenants", serde_json::json!({"slug": "invited"})).await;
    let invitation = invited["enrolment_token"].as_str().unwrap().to_owned();
    place.done(&["backup", &place.text("copy/data")]).await;
    place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
    let published = place.path("published");
    let mut lost = Vec::new();
    let mut numbers = Vec::new();
    for (tenant, known) in tenants.iter().zip(&known) {
        tenant.revoke(&server, known, "key-compromise").await;
        tenant.list_with(&server, known).await;
        // Later than the backup, in both: of this nothing is known there.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let issued = tenant.issue(&server, "lost").await;
        tenant.revoke(&server, &issued, "cessation-of-operation").await;
        numbers.push(tenant.list_with(&server, &issued).await.number());
        lost.push(issued);
        tenant.save_lists(&server, &published).await;
    }
    server.stop().await;

    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    let published = published.display().to_string();
    let done = other.done(&["reconcile", "--lists", &published]).await;
    assert_eq!(done["missing"].as_array().map(Vec::len), Some(0), "{done}");
    for tenant in &tenants {
        let of = done["tenants"].as_array().unwrap().iter().find(|done| done["tenant"] == *tenant.id).unwrap();
        assert_eq!((of["revocations"].as_u64(), of["lists"].as_u64()), (Some(2), Some(2)), "{done}");
    }
    // Once is enough.
    let ended = other.run(&["reconcile", "--lists", &published]).await;
    assert!(ended.code == Some(2) && ended.said.contains("nothing to do"), "{}", ended.said);
    let server = other.serve().await;
    // It may have been used after the backup.
    assert_eq!(server.post(&invitation, "/v1/enrol", serde_json::json!({"name": "late"})).await.0, 401);
    for (at, tenant) in tenants.iter().enumerate() {
        let list = tenant.list(&server).await.unwrap();
        assert!(list.number() > numbers[at] + 1000, "{} after {}", list.number(), numbers[at]);
        for revoked in [&early[at], &known[at], &lost[at]] {
            assert!(list.entries().iter().any(|entry| entry.serial.to_string() == revoked.serial), "{}", revoked.serial);
        }
        let reason = list.entries().iter().find(|entry| entry.serial.to_string() == known[at].serial).unwrap().reason.as_str();
        assert_eq!(reason, "key-compromise");
        assert_eq!(tenant.shown(&server, &known[at]).await["status"], "revoked");
        let events = tenant.events(&server).await;
        let acts = |act: &str| events.iter().filter(|event| event["act"] == act).collect::<Vec<_>>();
        assert_eq!(acts("store.reconcile").len(), 1);
        let replayed: Vec<_> = acts("certificate.revoke").into_iter().filter(|event| !event["detail"]["published_in"].is_null()).collect();
        assert_eq!(replayed.len(), 2, "{replayed:?}");
        assert!(replayed.iter().all(|event| event["actor"]["kind"] == "system"));
        // It is written again, and the next list goes on from there.
        let next = tenant.issue(&server, "after").await;
        tenant.revoke(&server, &next, "superseded").await;
        let after = tenant.list_with(&server, &next).await;
        assert!(after.number() > list.number());
        assert!(after.entries().iter().any(|entry| entry.serial.to_string() == lost[at].serial));
        world::verify_chain(&server, tenant, &tenant.shown(&server, &next).await).await;
    }
    let platform = world::log(&server, &operator, "00000000-0000-0000-0000-000000000000").await;
    assert_eq!(platform.iter().filter(|event| event["act"] == "store.reconcile").count(), 1);
    server.stop().await;
}

async fn lists_are_genuine_and_complete(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    place.done(&["backup", &place.text("copy/data")]).await;
    place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
    let published = place.path("published");
    for tenant in &tenants {
        tenant.save_lists(&server, &published).await;
    }
    server.stop().await;
    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    let lists = published.display().to_string();
    let first = published.join(format!("{}.crl", tenants[0].issuers[0].public));
    let whole = fs::read(&first).unwrap();
    // The last byte belongs to the signature.
    let mut forged = whole.clone();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(&first, &forged).unwrap();
    let ended = other.run(&["reconcile", "--lists", &lists]).await;
    assert!(
        ended.code == Some(5) && ended.said.contains("signature") && ended.said.contains(&tenants[0].issuers[0].public),
        "{}",
        ended.said
    );
    fs::write(&first, "no list").unwrap();
    assert_eq!(other.run(&["reconcile", "--lists", &lists]).await.code, Some(5));
    fs::remove_file(&first).unwrap();
    let ended = other.run(&["reconcile", "--lists", &lists]).await;
    assert!(ended.code == Some(5) && ended.said.contains(&tenants[0].issuers[0].public), "{}", ended.said);
    // It is as restored as before.
    let server = other.serve().await;
    assert_eq!(server.public("/readyz").await.1, b"ready to be read: restored, run chancery reconcile\n");
    server.stop().await;
    // As a tenant is found that was suspended between the copy of its file and that of the register.
    let raw = other.raw().await;
    let suspended = tenants[1].id.parse::<chancery_domain::TenantId>().unwrap();
    let update = "UPDATE registered_tenant SET status = 'suspended' WHERE tenant_id = ?1";
    raw.change("00000000-0000-0000-0000-000000000000", update, &[suspended.as_bytes()]).await;
    let done = other.done(&["reconcile", "--lists", &lists, "--incomplete"]).await;
    assert_eq!(done["missing"].as_array().map(Vec::len), Some(1), "{done}");
    let server = other.serve().await;
    let number = chancery_x509::Crl::from_der(&whole).unwrap().number();
    assert!(tenants[0].list(&server).await.unwrap().number() > number, "the number moves without the list, too");
    let (status, problem) = server.get(&tenants[1].token, &tenants[1].path("/issuers")).await;
    assert_eq!((status, problem["type"].as_str()), (403, Some("urn:chancery:problem:suspended")));
    server.stop().await;
}
