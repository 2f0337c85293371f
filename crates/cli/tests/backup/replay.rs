//! What lists tell beyond a revocation: a corrected reason, a compromised key, a certificate that the backup does not have; and lists that
//! were first published after it.

use crate::installation::{Installation, Server, text};
use crate::on_both;
use crate::restored::restored;
use crate::world::{self, Issued, Tenant, backed_up};
use chancery_testkit::Engine;
use chancery_testkit::csr::csr;
use chancery_x509::Crl;
use serde_json::{Value, json};
use std::fs;

on_both!(
    reasons_and_keys_come_back,
    keys_that_were_left_are_told_again_after_a_crash,
    a_list_first_published_after_the_backup_is_not_numbered_again
);

/// Asks for a certificate of this key.
async fn ask(server: &Server, tenant: &Tenant, label: &str, csr: &str) -> (u16, Value) {
    let body = json!({"profile": "tls-server", "names": [tenant.host(label)], "csr": csr});
    server.post(&tenant.token, &tenant.path("/certificates"), body).await
}

async fn issued(server: &Server, tenant: &Tenant, label: &str, csr: &str) -> Issued {
    let (status, made) = ask(server, tenant, label, csr).await;
    assert_eq!(status, 201, "{made}");
    Issued { id: text(&made["id"]), serial: text(&made["serial"]) }
}

/// Whether the key is never certified again.
async fn blocked(server: &Server, tenant: &Tenant, label: &str, csr: &str) -> bool {
    let (status, answer) = ask(server, tenant, label, csr).await;
    assert!(status == 201 || answer["reasons"][0]["code"] == "key-compromised", "{status} {answer}");
    status != 201
}

async fn revoked(server: &Server, tenant: &Tenant, id: &str) -> (u16, Value) {
    server.post(&tenant.token, &tenant.path(&format!("/certificates/{id}/revoke")), json!({"reason": "key-compromise"})).await
}

/// As a tenant is found that was suspended between the copy of its file and that of the register.
async fn suspend(place: &Installation, tenant: &Tenant) {
    let id = tenant.id.parse::<chancery_domain::TenantId>().unwrap();
    let update = "UPDATE registered_tenant SET status = 'suspended' WHERE tenant_id = ?1";
    place.raw().await.change("00000000-0000-0000-0000-000000000000", update, &[id.as_bytes()]).await;
}

async fn listed(server: &Server, tenant: &Tenant, issued: &Issued, reason: &str) -> Crl {
    let told = async || {
        let list = tenant.list(server).await?;
        let entry = |entry: &&chancery_x509::CrlEntry| entry.serial.to_string() == issued.serial;
        (list.entries().iter().find(entry)?.reason.as_str() == reason).then_some(list)
    };
    server.until(reason, told).await
}

async fn keys_that_were_left_are_told_again_after_a_crash(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, [_, tenant]) = world::begin(&place).await;
    let known = issued(&server, &tenant, "known", &csr(&["host.example"], false).pem).await;
    let [data, keyring] = backed_up(&place).await;
    tenant.revoke(&server, &known, "key-compromise").await;
    listed(&server, &tenant, &known, "key-compromise").await;
    let published = place.path("published");
    tenant.save_lists(&server, &published).await;
    server.stop().await;

    let other = restored(&place, &data, &keyring).await;
    suspend(&other, &tenant).await;
    let words = ["reconcile", "--incomplete", "--lists", &published.display().to_string()].map(str::to_owned);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(other.run_killed(&words, Some("reconcile.revocation.after")).await.code, None, "it was not killed");
    let done = other.done(&words).await;
    let done = done["tenants"].as_array().unwrap().iter().find(|done| done["tenant"] == *tenant.id).unwrap().clone();
    assert_eq!((&done["revocations"], &done["keys_left"]), (&json!(0), &json!([known.id])), "{done}");
}

async fn reasons_and_keys_come_back(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    // The names that are asked for count, not those in the request.
    let keys = ["changed", "known", "late"].map(|label| (label, csr(&["host.example"], false).pem));
    let mut before = Vec::new();
    for tenant in &tenants {
        let changed = issued(&server, tenant, keys[0].0, &keys[0].1).await;
        tenant.revoke(&server, &changed, "superseded").await;
        listed(&server, tenant, &changed, "superseded").await;
        before.push([changed, issued(&server, tenant, keys[1].0, &keys[1].1).await]);
    }
    let [data, keyring] = backed_up(&place).await;
    let published = place.path("published");
    let mut late = Vec::new();
    for (tenant, known) in tenants.iter().zip(&before) {
        let issued = issued(&server, tenant, keys[2].0, &keys[2].1).await;
        late.push((text(&tenant.shown(&server, &issued).await["certificate"]), issued.clone()));
        for issued in known.iter().chain([&issued]) {
            tenant.revoke(&server, issued, "key-compromise").await;
        }
        for issued in known.iter().chain([&issued]) {
            listed(&server, tenant, issued, "key-compromise").await;
        }
        tenant.save_lists(&server, &published).await;
    }
    server.stop().await;

    let other = restored(&place, &data, &keyring).await;
    suspend(&other, &tenants[1]).await;
    let done = other.done(&["reconcile", "--lists", &published.display().to_string()]).await;
    let of = |tenant: &Tenant| done["tenants"].as_array().unwrap().iter().find(|done| done["tenant"] == *tenant.id).unwrap();
    let mut ids: Vec<_> = before[1].iter().map(|issued| json!(issued.id)).collect();
    let mut left = of(&tenants[1])["keys_left"].as_array().unwrap().clone();
    ids.sort_by_key(ToString::to_string);
    left.sort_by_key(ToString::to_string);
    assert_eq!((&of(&tenants[0])["keys_left"], left), (&json!([]), ids), "{done}");
    assert!(tenants.iter().all(|tenant| of(tenant)["revocations"] == 3), "{done}");

    let server = other.serve().await;
    let (status, answer) = server.post(&operator, &format!("/v1/platform/tenants/{}/resume", tenants[1].id), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    for (at, tenant) in tenants.iter().enumerate() {
        for issued in before[at].iter().chain([&late[at].1]) {
            listed(&server, tenant, issued, "key-compromise").await;
        }
        let events = tenant.events(&server).await;
        let corrected = |event: &&Value| event["act"] == "certificate.compromise" && event["detail"]["certificate"] == *before[at][0].id;
        let corrected: Vec<_> = events.iter().filter(corrected).map(|event| &event["detail"]).collect();
        assert!(corrected.len() == 1 && corrected[0]["reason_before"] == "superseded", "{corrected:?}");
        assert_eq!(corrected[0]["key_blocked"], json!(at == 0));
        for (issued, (label, csr)) in before[at].iter().zip(&keys) {
            if at == 1 {
                // What was locked while it was suspended is said once more.
                let (status, answer) = revoked(&server, tenant, &issued.id).await;
                assert_eq!(status, 200, "{answer}");
            }
            assert!(blocked(&server, tenant, label, csr).await, "{label}");
            assert_eq!(revoked(&server, tenant, &issued.id).await.0, 409);
        }
        late_is_taken_in(&server, tenant, &late[at].0, &keys[2]).await;
    }
    // To another tenant it is somebody else's.
    let (_, taken) = server.post(&tenants[1].token, &tenants[1].path("/certificates/import"), json!({"bundle": late[0].0})).await;
    assert_eq!((&taken["items"][0]["result"]["origin"], &taken["items"][0]["result"]["status"]), (&json!("external"), &json!("issued")));
    server.stop().await;
}

/// A certificate whose revocation came back without it: it is what it was when it is taken in.
async fn late_is_taken_in(server: &Server, tenant: &Tenant, pem: &str, (label, csr): &(&str, String)) {
    let (status, taken) = server.post(&tenant.token, &tenant.path("/certificates/import"), json!({"bundle": pem})).await;
    assert_eq!(status, 200, "{taken}");
    let taken = &taken["items"][0]["result"];
    assert_eq!((&taken["origin"], &taken["status"]), (&json!("imported"), &json!("revoked")), "{taken}");
    assert_eq!(revoked(server, tenant, &text(&taken["id"])).await.0, 409);
    assert!(blocked(server, tenant, label, csr).await, "{label}");
}

async fn a_list_first_published_after_the_backup_is_not_numbered_again(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    let [data, keyring] = backed_up(&place).await;
    let published = place.path("published");
    let mut last = Vec::new();
    for tenant in &tenants {
        let issued = tenant.issue(&server, "later").await;
        tenant.revoke(&server, &issued, "superseded").await;
        last.push(tenant.list_with(&server, &issued).await.number());
        tenant.save_lists(&server, &published).await;
        fs::remove_file(published.join(format!("{}.crl", tenant.issuers[0].public))).unwrap();
    }
    server.stop().await;

    let other = restored(&place, &data, &keyring).await;
    let raw = other.raw().await;
    for tenant in &tenants {
        // As if the backup were of before the issuing authority's first list: then it is not asked for, and nobody gives it.
        let public = tenant.issuers[0].public.parse::<chancery_domain::PublicId>().unwrap();
        let remove = "DELETE FROM crl WHERE issuer_id = (SELECT id FROM authority WHERE public_id = ?1)";
        assert_eq!(raw.change(&tenant.id, remove, &[public.as_bytes()]).await, 1);
    }
    drop(raw);
    let done = other.done(&["reconcile", "--lists", &published.display().to_string()]).await;
    assert_eq!(done["missing"], json!([]));
    let server = other.serve().await;
    for (tenant, last) in tenants.iter().zip(&last) {
        tenant.issue(&server, "anew").await;
        let list = server.until("the first list", async || tenant.list(&server).await).await;
        assert!(list.number() > *last, "{} after {last}", list.number());
        // However many there were.
        assert!(list.number() >= list.this_update().seconds().unsigned_abs());
    }
    server.stop().await;
}
