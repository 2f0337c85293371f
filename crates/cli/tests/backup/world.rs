//! Two tenants that issue and revoke, and what they were told.

use crate::installation::{Installation, PUBLIC_URL, Server, text};
use chancery_x509::Crl;
use serde_json::{Value, json};
use std::path::Path;

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    slug: String,
    pub(crate) token: String,
    pub(crate) issuers: Vec<Issuer>,
}

/// An authority with a list.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) public: String,
}

/// A certificate that was acknowledged.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) id: String,
    pub(crate) serial: String,
}

impl Tenant {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/tenants/{}{rest}", self.id)
    }

    /// A name that it may issue for.
    pub(crate) fn host(&self, label: &str) -> String {
        format!("{label}.{}.example", self.slug)
    }

    pub(crate) async fn issue(&self, server: &Server, label: &str) -> Issued {
        let body = json!({"profile": "tls-server", "names": [self.host(label)]});
        let (status, made) = server.post(&self.token, &self.path("/certificates"), body).await;
        assert_eq!(status, 201, "{made}");
        Issued { id: text(&made["id"]), serial: text(&made["serial"]) }
    }

    pub(crate) async fn revoke(&self, server: &Server, issued: &Issued, reason: &str) {
        let path = self.path(&format!("/certificates/{}/revoke", issued.id));
        let (status, done) = server.post(&self.token, &path, json!({"reason": reason})).await;
        assert_eq!(status, 200, "{done}");
    }

    pub(crate) async fn shown(&self, server: &Server, issued: &Issued) -> Value {
        let (status, shown) = server.get(&self.token, &self.path(&format!("/certificates/{}", issued.id))).await;
        assert_eq!(status, 200, "{shown}");
        shown
    }

    /// The acts in its log, newest first, as (act, detail).
    pub(crate) async fn events(&self, server: &Server) -> Vec<Value> {
        log(server, &self.token, &self.id).await
    }

    /// The issuing authority's list as it is published now.
    pub(crate) async fn list(&self, server: &Server) -> Option<Crl> {
        let (status, der) = server.public(&format!("/pki/{}/0.crl", self.issuers[0].public)).await;
        (status == 200).then(|| Crl::from_der(&der).unwrap())
    }

    /// The list when it names this certificate.
    pub(crate) async fn list_with(&self, server: &Server, issued: &Issued) -> Crl {
        server
            .until("a CRL with the revocation", async || {
                let list = self.list(server).await?;
                list.entries().iter().any(|entry| entry.serial.to_string() == issued.serial).then_some(list)
            })
            .await
    }

    /// Saves every list of the tenant as somebody outside has them.
    pub(crate) async fn save_lists(&self, server: &Server, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for issuer in &self.issuers {
            let (status, der) = server.public(&format!("/pki/{}/0.crl", issuer.public)).await;
            assert_eq!(status, 200);
            std::fs::write(folder.join(format!("{}.crl", issuer.public)), der).unwrap();
        }
    }
}

pub(crate) async fn log(server: &Server, token: &str, realm: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = server.get(token, &format!("/v1/tenants/{realm}/events?limit=200{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        events.extend(page["items"].as_array().unwrap().iter().map(|item| item["event"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

/// The folders of a backup of the data and of one of the keyring.
pub(crate) async fn backed_up(place: &Installation) -> [String; 2] {
    let [data, keys] = [place.text("copy/data"), place.text("copy-of-keys/keyring")];
    place.done(&["backup", &data]).await;
    place.done(&["backup", "--keyring", &keys]).await;
    [data, keys]
}

/// Initialises, starts, and makes the operator's token and two tenants whose first lists are published.
pub(crate) async fn begin(place: &Installation) -> (Server, String, [Tenant; 2]) {
    let initialised = place.done(&["init"]).await;
    let server = place.serve().await;
    let (_, operator) = server.enrol(&text(&initialised["bootstrap_token"])).await;
    let tenants = [tenant(&server, &operator, "acme-bank").await, tenant(&server, &operator, "brava-labs").await];
    for tenant in &tenants {
        for issuer in &tenant.issuers {
            let path = format!("/pki/{}/0.crl", issuer.public);
            server.until("a first CRL", async || (server.public(&path).await.0 == 200).then_some(())).await;
        }
    }
    (server, operator, tenants)
}

pub(crate) async fn tenant(server: &Server, operator: &str, slug: &str) -> Tenant {
    let (status, created) = server.post(operator, "/v1/platform/tenants", json!({"slug": slug})).await;
    assert_eq!(status, 201, "{created}");
    let (id, token) = server.enrol(&text(&created["enrolment_token"])).await;
    let body = json!({"name": slug, "permitted_names": [format!("dns:*.{slug}.example")]});
    let (status, _) = server.post(&token, &format!("/v1/tenants/{id}/issuers"), body).await;
    assert_eq!(status, 201);
    let mut tenant = Tenant { id, slug: slug.to_owned(), token, issuers: Vec::new() };
    let (_, issuers) = server.get(&tenant.token, &tenant.path("/issuers")).await;
    let mut found: Vec<_> =
        issuers["items"].as_array().unwrap().iter().map(|issuer| (text(&issuer["kind"]), text(&issuer["public_id"]))).collect();
    // The issuing one first.
    found.sort();
    tenant.issuers = found.into_iter().map(|(_, public)| Issuer { public }).collect();
    // Their first certificates open the issuing list.
    tenant.issue(server, "first").await;
    tenant
}

/// The chain of a certificate as it is shown, verified by openssl up to the tenant's root.
pub(crate) async fn verify_chain(server: &Server, tenant: &Tenant, shown: &Value) {
    let openssl = chancery_testkit::openssl::Openssl::new();
    let (status, roots) = server.public(&format!("/pki/{}/bundle.pem", tenant.issuers[0].public)).await;
    assert_eq!(status, 200);
    openssl.file("roots.pem", roots);
    openssl.file("chain.pem", text(&shown["chain"]));
    openssl.file("leaf.pem", text(&shown["certificate"]));
    let said = openssl.run("verify -CAfile roots.pem -untrusted chain.pem leaf.pem", b"");
    assert!(said.ok, "{}", said.text);
    assert!(text(&shown["crl_url"]).starts_with(PUBLIC_URL));
}
