//! Issuers below a customer's own root, made with openssl: the request goes out, the chain comes in or is refused; trust anchors.

use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Answer, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
const SUB: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// What the request's name constraints say of kinds of name that the issuer is not for.
const SHUT: &str =
    "permitted;email:nowhere.invalid,permitted;URI:nowhere.invalid,excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

fn at(server: &TestServer, issuer: &Value, rest: &str) -> String {
    server.acme.path(&format!("/issuers/{}{rest}", text(&issuer["id"])))
}

async fn requested(server: &TestServer) -> Value {
    requested_in(server, &server.acme).await
}

async fn requested_in(server: &TestServer, tenant: &TestTenant) -> Value {
    let body =
        json!({"name": "Below", "external": true, "organization": "Acme", "permitted_names": [format!("dns:*.{}.example", tenant.slug)]});
    server.as_(&tenant.admin).post(&tenant.path("/issuers"), body).await.ok(201)
}

/// An issuer that waits for its certificate, and the chain that it waits for.
pub(crate) async fn pending(server: &TestServer, tenant: &TestTenant) -> (String, String) {
    let (customer, pending) = (Customer::new(), requested_in(server, tenant).await);
    let chain = customer.sign(text(&pending["request"]), "root", SUB, "") + &customer.read("root.pem");
    (text(&pending["id"]).to_owned(), chain)
}

async fn complete(server: &TestServer, issuer: &Value, chain: &str) -> Answer {
    server.as_(&server.acme.admin).post(&at(server, issuer, "/certificate"), json!({"chain": chain})).await
}

/// The customer: a root, and what it signs.
struct Customer(Openssl);

impl Customer {
    fn new() -> Self {
        let customer = Self(Openssl::new());
        customer.root("root", KEY, "", 3650);
        customer
    }

    fn root(&self, name: &str, key: &str, more: &str, days: u32) {
        let options = format!("{key} -keyout {name}.key -subj /CN=Customer -addext keyUsage=critical,keyCertSign,cRLSign {more}");
        self.0.must(&format!("req -x509 -new {options} -days {days} -out {name}.pem"), b"");
    }

    /// Signs a request with these extensions; the certificate, PEM.
    fn sign(&self, request: &str, by: &str, extensions: &str, options: &str) -> String {
        self.0.file("request.pem", request);
        self.0.file("extensions", extensions);
        let days = if options.contains("-days") { "" } else { "-days 3000" };
        // As the request asks for it, but where the extensions say otherwise.
        let copied = if options.contains("-copy_extensions") { "" } else { "-copy_extensions copyall" };
        let signing = format!("-CA {by}.pem -CAkey {by}.key -CAcreateserial -extfile extensions {days} {copied} {options}");
        self.0.must(&format!("x509 -req -in request.pem {signing} -out signed.pem"), b"");
        self.read("signed.pem")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(self.0.read(name)).unwrap()
    }
}

async fn a_customers_root_signs_and_what_is_issued_verifies(server: &TestServer) {
    let (admin, customer) = (server.as_(&server.acme.admin), Customer::new());
    let pending = requested(server).await;
    assert_eq!((&pending["state"], &pending["kind"], &pending["certificate"]), (&json!("pending"), &json!("issuing"), &Value::Null));
    let said = customer.0.must("req -verify -noout -text", text(&pending["request"]).as_bytes());
    for expected in ["verify OK", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "DNS:acme-bank.example", "CN = Below Issuing CA"] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    // Until it is signed, nothing is issued by it, and the other one serves.
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": pending["id"]});
    let refused = admin.post(&server.acme.path("/certificates"), named.clone()).await.problem(409, "conflict");
    assert!(text(&refused["detail"]).contains("waits for its certificate"), "{refused}");
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], server.acme.issuer);

    // An intermediate of the customer's, and below it ours with what the request asks for.
    customer.0.must(&format!("req -new {KEY} -keyout between.key -subj /CN=Between -out between.csr"), b"");
    let between = customer.sign(&customer.read("between.csr"), "root", &SUB.replace("pathlen:0", "pathlen:1"), "");
    customer.0.file("between.pem", &between);
    let own = customer.sign(text(&pending["request"]), "between", "authorityKeyIdentifier=keyid\n", "-copy_extensions copyall -days 2000");
    let chain = own.clone() + &between + &customer.read("root.pem");
    let once = admin.clone().once("complete");
    let active = once.post(&at(server, &pending, "/certificate"), json!({"chain": chain})).await.ok(200);
    assert_eq!((&active["state"], text(&active["certificate"])), (&json!("active"), own.as_str()));
    assert_eq!(once.post(&at(server, &pending, "/certificate"), json!({"chain": chain})).await.ok(200)["event"], active["event"]);
    complete(server, &pending, &chain).await.problem(409, "conflict");
    server.run_jobs().await;

    let issued = admin.post(&server.acme.path("/certificates"), named).await.ok(201);
    assert_eq!(server.certificate(&server.acme, "default").await["issuer"], pending["id"]);
    let judged = async |certificate: &Value| {
        let bundle = server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&active["public_id"]))).await.ok_text(200);
        assert!(bundle.contains(&customer.read("root.pem")), "{bundle}");
        let judge = Openssl::new();
        judge.file("bundle.pem", bundle);
        judge.file("chain.pem", text(&certificate["chain"]));
        judge.file("leaf.pem", text(&certificate["certificate"]));
        judge.must("verify -attime 1800000010 -x509_strict -CAfile bundle.pem -untrusted chain.pem leaf.pem", b"");
    };
    judged(&issued).await;
    assert_eq!(text(&issued["chain"]).matches("BEGIN CERTIFICATE").count(), 2);
    admin.post(&server.acme.path(&format!("/certificates/{}/revoke", text(&issued["id"]))), json!({})).await.ok(200);
    server.run_jobs().await;
    let crl = admin.get(&at(server, &pending, "/crl/0")).await;
    customer.0.file("own.pem", &own);
    assert!(customer.0.must("crl -inform DER -noout -CAfile own.pem", &crl.body).contains("verify OK"));

    // Rolled, it asks its owner again; the authorities above are there already.
    let before = server.certificate(&server.acme, "before").await;
    for (field, body) in [
        ("new_root", json!({"new_root": true})),
        ("issuing_days", json!({"issuing_days": 9})),
        ("issue_from", json!({"issue_from": "2099-01-01T00:00:00Z"})),
    ] {
        let problem = admin.post(&at(server, &pending, "/successor"), body).await.problem(422, "invalid");
        assert_eq!(problem["field"], field);
    }
    let count = async || admin.get(&server.acme.path("/issuers")).await.ok(200)["items"].as_array().unwrap().len();
    let next = admin.post(&at(server, &pending, "/successor"), json!({})).await.ok(201);
    assert_eq!((&next["state"], &next["line"]), (&json!("pending"), &pending["id"]));
    admin.post(&at(server, &pending, "/successor"), json!({})).await.problem(409, "conflict");
    let known = count().await;
    let second = customer.sign(text(&next["request"]), "between", "authorityKeyIdentifier=keyid\n", "-copy_extensions copyall -days 2000");
    complete(server, &next, &(second + &between + &customer.read("root.pem"))).await.ok(200);
    assert_eq!(count().await, known);
    server.run_jobs().await;
    let renew = server.acme.path(&format!("/certificates/{}/renew", text(&before["id"])));
    let renewed = admin.post(&renew, json!({})).await.ok(201);
    assert_eq!(renewed["issuer"], next["id"]);
    judged(&renewed).await;
    judged(&before).await;

    let log = server.events(&server.acme).await;
    let acts: Vec<_> =
        log.iter().rev().filter_map(|entry| entry["event"]["act"].as_str()).filter(|act| act.starts_with("issuer.")).collect();
    assert_eq!(acts, ["issuer.create", "issuer.request", "issuer.activate", "issuer.roll", "issuer.activate"]);
    // Nothing of it is the other tenant's.
    let theirs = server.brava.path(&format!("/issuers/{}/certificate", text(&pending["id"])));
    server.as_(&server.in_brava().admin).post(&theirs, json!({"chain": chain})).await.problem(404, "not-found");
}

async fn hostile_chains_are_refused_with_the_reason(server: &TestServer) {
    let (customer, pending) = (Customer::new(), requested(server).await);
    let (csr, root) = (text(&pending["request"]).to_owned(), customer.read("root.pem"));
    customer.root("tight", KEY, "-addext basicConstraints=critical,CA:TRUE,pathlen:0", 3650);
    customer.root("narrow", KEY, "-addext nameConstraints=critical,permitted;DNS:evil.example", 3650);
    customer.root("holed", KEY, "-addext nameConstraints=critical,excluded;DNS:vault.acme-bank.example", 3650);
    customer.root("mapping", KEY, "-addext policyConstraints=requireExplicitPolicy:0", 3650);
    customer.root("shut", KEY, &format!("-addext nameConstraints=critical,permitted;DNS:acme-bank.example,{SHUT}"), 3650);
    customer.root("small", "-newkey rsa:2048 -nodes", "", 3650);
    customer.root("short", KEY, "", 1000);
    customer.root("other", KEY, "", 3650);
    customer.0.must(&format!("req -new {KEY} -keyout stranger.key -subj /CN=Stranger -out stranger.csr"), b"");
    let stranger = customer.read("stranger.csr");
    let good = customer.sign(&csr, "root", SUB, "");
    let with = |change: (&str, &str)| customer.sign(&csr, "root", &SUB.replace(change.0, change.1), "") + &root;
    let by = |name: &str| customer.sign(&csr, name, SUB, "") + &customer.read(&format!("{name}.pem"));
    let plus = |more: &str| customer.sign(&csr, "root", &format!("{SUB}{more}\n"), "") + &root;
    let between = customer.sign(&stranger, "root", &SUB.replace("pathlen:0", "pathlen:1"), "");
    let mut damaged = good.clone().into_bytes();
    let middle = (0..damaged.len() - 80).rev().find(|at| damaged[*at] != b'\n').unwrap();
    damaged[middle] = if damaged[middle] == b'A' { b'B' } else { b'A' };
    for (chain, reason) in [
        (customer.sign(&stranger, "root", SUB, "") + &root, "its key is not the one that the request was made for"),
        (
            customer.sign(&csr, "root", SUB, "-subj /O=Acme/CN=Other") + &root,
            "its subject is CN=Other,O=Acme, and the request's is CN=Below",
        ),
        (customer.sign(&csr, "root", SUB, "-subj /CN=Acme/O=Below") + &root, "its subject is"),
        (with(("CA:TRUE,pathlen:0", "CA:FALSE")), "basicConstraints is not critical with CA:TRUE"),
        (with(("basicConstraints=critical,", "basicConstraints=")), "basicConstraints is not critical"),
        (with(("keyCertSign,cRLSign", "digitalSignature,cRLSign")), "keyUsage lacks keyCertSign or cRLSign"),
        (with(("keyCertSign,cRLSign", "keyCertSign")), "keyUsage lacks keyCertSign or cRLSign"),
        (with(("subjectKeyIdentifier=hash\n", "subjectKeyIdentifier=none\n")), "subjectKeyIdentifier is absent"),
        (customer.sign(&csr, "root", SUB, "-days 1") + &root, "valid from"),
        (customer.sign(&csr, "root", SUB, "-sha1") + &root, "SHA-1 is broken"),
        (plus("nameConstraints=critical,permitted;DNS:other.example"), "name constraints exclude dns:*.acme-bank.example"),
        (plus("nameConstraints=critical,permitted;DNS:sub.acme-bank.example"), "name constraints exclude dns:*.acme-bank.example"),
        (plus("extendedKeyUsage=serverAuth"), "extendedKeyUsage would limit what is issued"),
        (plus("1.2.3.4=critical,DER:0500"), "critical extension 1.2.3.4 is not understood"),
        (plus("policyConstraints=requireExplicitPolicy:0"), "policyConstraints is not understood"),
        (plus("policyConstraints=critical,requireExplicitPolicy:0"), "critical extension policyConstraints is not understood"),
        (plus("inhibitAnyPolicy=2"), "inhibitAnyPolicy is not understood"),
        (plus("inhibitAnyPolicy=critical,0"), "critical extension inhibitAnyPolicy is not understood"),
        (plus("policyMappings=1.2.3.4:1.2.3.5"), "policyMappings is not understood"),
        (plus("policyMappings=critical,1.2.3.4:1.2.3.5"), "critical extension policyMappings is not understood"),
        (plus("certificatePolicies=critical,1.2.3.4"), "critical extension certificatePolicies is not understood"),
        (by("mapping"), "certificate 1 of the chain (0 is the leaf): policyConstraints is not understood"),
        (
            customer.sign(&csr, "root", SUB, "-copy_extensions none") + &root,
            "names of these kinds: dNSName, rfc822Name, uniformResourceIdentifier, iPAddress (IPv4), iPAddress (IPv6)",
        ),
        (
            plus(&format!("nameConstraints=critical,permitted;DNS:acme-bank.example,{SHUT}").replace("excluded;IP:0.0.0.0/0.0.0.0,", "")),
            "names of these kinds: iPAddress (IPv4). Have",
        ),
        (plus(&format!("nameConstraints=critical,permitted;DNS:example,{SHUT}")), "names of these kinds: dNSName. Have"),
        (plus(&format!("nameConstraints=permitted;DNS:acme-bank.example,{SHUT}")), "as far as they are critical"),
        (
            customer.sign(&csr, "shut", SUB, "-copy_extensions none") + &customer.read("shut.pem"),
            "names of these kinds: dNSName, rfc822Name",
        ),
        (by("tight"), "its pathLenConstraint does not allow the 1 authorities between it and what is issued"),
        (by("narrow"), "certificate 1 of the chain (0 is the leaf): its name constraints exclude"),
        (by("holed"), "its name constraints exclude dns:*.acme-bank.example, or some of it"),
        (by("small"), "rsa-2048 keys are too weak"),
        (by("short"), "after its issuer"),
        (good.clone() + &customer.read("other.pem"), "authorityKeyIdentifier"),
        (
            customer.sign(&csr, "root", &SUB.replace("authorityKeyIdentifier=keyid", "authorityKeyIdentifier=none"), "")
                + &customer.read("other.pem"),
            "signature does not verify",
        ),
        (String::from_utf8(damaged).unwrap() + &root, "certificate 0"),
        (good.clone() + &between, "not self-signed"),
        (good.clone() + &root + &root, "stands in the chain already"),
        (good.clone() + &good + &root, "stands in the chain already"),
        (good.clone() + &between + &root, "issuer's name is not the subject"),
        (root.clone() + &good, "its key is not the one"),
        (good.clone(), "1 certificates: send"),
        (good.clone() + &customer.read("root.key"), "is a PRIVATE KEY, not a CERTIFICATE"),
        (good.clone() + &root.repeat(8), "9 certificates: send"),
        ("nothing".to_owned(), "no PEM block"),
        (String::new(), "no PEM block"),
    ] {
        let problem = complete(server, &pending, &chain).await.problem(422, "invalid");
        assert_eq!(problem["field"], "chain");
        assert!(text(&problem["detail"]).contains(reason), "{reason}: {problem}");
    }
    // None of them left anything, and the good one still does.
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/issuers")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    complete(server, &pending, &(good + &root)).await.ok(200);
}

// What the tenant says it takes, it takes; what it said stands in the event.
async fn wider_names_are_accepted_by_name_alone(server: &TestServer) {
    let (admin, customer, pending) = (server.as_(&server.acme.admin), Customer::new(), requested(server).await);
    let csr = text(&pending["request"]);
    let accept =
        async |chain: String| admin.post(&at(server, &pending, "/certificate"), json!({"chain": chain, "accept_wider_names": true})).await;
    let bare = customer.sign(csr, "root", SUB, "-copy_extensions none") + &customer.read("root.pem");
    complete(server, &pending, &bare).await.problem(422, "invalid");
    // Narrower ones than what is to be issued for are not a matter of taste.
    let narrow = format!("{SUB}nameConstraints=critical,permitted;DNS:sub.acme-bank.example\n");
    let narrow = customer.sign(csr, "root", &narrow, "") + &customer.read("root.pem");
    let problem = accept(narrow).await.problem(422, "invalid");
    assert!(text(&problem["detail"]).contains("name constraints exclude"), "{problem}");
    let active = accept(bare).await.ok(200);
    server.run_jobs().await;
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == active["event"]["id"]).unwrap();
    let kinds = json!(["dNSName", "rfc822Name", "uniformResourceIdentifier", "iPAddress (IPv4)", "iPAddress (IPv6)"]);
    assert_eq!(event["event"]["detail"]["wider_names"], kinds);
    // The certificate permits every name now, and the issuer issues for its own as before.
    let ask = async |name: String| {
        let body = json!({"profile": "tls-server", "names": [name], "issuer": pending["id"]});
        admin.post(&server.acme.path("/certificates"), body).await
    };
    ask(server.acme.host("www")).await.ok(201);
    ask("www.evil.example".to_owned()).await.problem(422, "refused");

    // What an authority between the two keeps narrow is narrow; then the event has nothing to say.
    let second = requested(server).await;
    customer.0.must(&format!("req -new {KEY} -keyout between.key -subj /CN=Between -out between.csr"), b"");
    let between = format!("{}nameConstraints=critical,permitted;DNS:acme-bank.example,{SHUT}\n", SUB.replace("pathlen:0", "pathlen:1"));
    let between = customer.sign(&customer.read("between.csr"), "root", &between, "");
    customer.0.file("between.pem", &between);
    let own = customer.sign(text(&second["request"]), "between", SUB, "-copy_extensions none -days 2000");
    let active = complete(server, &second, &(own + &between + &customer.read("root.pem"))).await.ok(200);
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == active["event"]["id"]).unwrap();
    assert_eq!(event["event"]["detail"]["wider_names"], json!([]));
    server.run_jobs().await;
}

async fn what_is_abandoned_is_over(server: &TestServer) {
    let (admin, customer, pending) = (server.as_(&server.acme.admin), Customer::new(), requested(server).await);
    admin.post(&at(server, &pending, "/retire"), json!({})).await.problem(409, "conflict");
    admin.post(&at(server, &pending, "/successor"), json!({})).await.problem(409, "conflict");
    assert_eq!(admin.post(&at(server, &pending, "/abandon"), json!({})).await.ok(200)["state"], "abandoned");
    let chain = customer.sign(text(&pending["request"]), "root", SUB, "") + &customer.read("root.pem");
    complete(server, &pending, &chain).await.problem(409, "conflict");
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": pending["id"]});
    admin.post(&server.acme.path("/certificates"), named).await.problem(409, "conflict");
    for act in ["abandon", "retire", "successor"] {
        admin.post(&at(server, &pending, &format!("/{act}")), json!({})).await.problem(409, "conflict");
    }
    let issuer = json!({"id": server.acme.issuer});
    admin.post(&at(server, &issuer, "/abandon"), json!({})).await.problem(409, "conflict");
    for body in [json!({"root_days": 3650}), json!({"issuing_days": 9}), json!({"root_key_algorithm": "ec-p384"})] {
        let mut asked = json!({"name": "Below", "external": true, "permitted_names": ["dns:*.acme.example"]});
        asked.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let problem = admin.post(&server.acme.path("/issuers"), asked).await.problem(422, "invalid");
        assert_eq!(problem["field"], "external");
    }
}

async fn anchors_join_the_bundle_and_leave_it_again(server: &TestServer) {
    let (admin, customer) = (server.as_(&server.acme.admin), Customer::new());
    let root = customer.read("root.pem");
    let add = async |certificate: &str| {
        let body = json!({"name": "Customer's", "pem": certificate});
        admin.post(&server.acme.path("/trust-anchors"), body).await
    };
    let anchor = add(&root).await.ok(201);
    assert_eq!((&anchor["kind"], &anchor["name"], &anchor["state"]), (&json!("anchor"), &json!("Customer's"), &json!("active")));
    add(&root).await.problem(409, "conflict");
    server.run_jobs().await;
    let bundled = async || {
        let issuer = admin.get(&at(server, &json!({"id": server.acme.issuer}), "")).await.ok(200);
        server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&issuer["public_id"]))).await.ok_text(200).contains(&root)
    };
    assert!(bundled().await);
    // It issues nothing.
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": anchor["id"]});
    admin.post(&server.acme.path("/certificates"), named).await.problem(422, "invalid");
    admin.post(&at(server, &anchor, "/successor"), json!({})).await.problem(409, "conflict");
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], server.acme.issuer);
    assert_eq!(admin.post(&at(server, &anchor, "/retire"), json!({})).await.ok(200)["state"], "retired");
    assert!(!bundled().await);

    customer.root("leaf", KEY, "-addext basicConstraints=critical,CA:FALSE", 3650);
    customer.root("old", KEY, "", 1);
    customer.root("broken", KEY, "-sha1", 3650);
    let below = customer.sign(text(&requested(server).await["request"]), "root", SUB, "");
    for (certificate, reason) in [
        (customer.read("leaf.pem"), "CA:TRUE"),
        (customer.read("old.pem"), "valid from"),
        (customer.read("broken.pem"), "SHA-1 is broken"),
        (below, "issuer's name is not the subject"),
        (root.repeat(2), "send the root alone"),
        (customer.read("root.key"), "is a PRIVATE KEY"),
        ("x".to_owned(), "no PEM block"),
    ] {
        let problem = add(&certificate).await.problem(422, "invalid");
        assert_eq!(problem["field"], "pem");
        assert!(text(&problem["detail"]).contains(reason), "{reason}: {problem}");
    }
    let log = server.events(&server.acme).await;
    assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == "anchor.add").count(), 1);
}

async fn authorities_of_others_can_be_removed(server: &TestServer) {
    let (admin, customer, pending) = (server.as_(&server.acme.admin), Customer::new(), requested(server).await);
    customer.0.must(&format!("req -new {KEY} -keyout between.key -subj /CN=Between -out between.csr"), b"");
    let between = customer.sign(&customer.read("between.csr"), "root", &SUB.replace("pathlen:0", "pathlen:1"), "");
    customer.0.file("between.pem", &between);
    let own = customer.sign(text(&pending["request"]), "between", SUB, "-days 2000");
    let active = complete(server, &pending, &(own + &between + &customer.read("root.pem"))).await.ok(200);
    customer.root("spare", KEY, "", 3650);
    let add = async |name: &str| {
        let body = json!({"name": name, "pem": customer.read(&format!("{name}.pem"))});
        admin.post(&server.acme.path("/trust-anchors"), body).await
    };
    let spare = add("spare").await.ok(201);
    server.run_jobs().await;
    let listed = async || {
        let list = admin.get(&server.acme.path("/issuers")).await.ok(200);
        list["items"].as_array().unwrap().iter().map(|issuer| text(&issuer["id"]).to_owned()).collect::<Vec<_>>()
    };
    let bundle = async || server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&active["public_id"]))).await.ok_text(200);
    let remove = async |token: &str, id: &Value| server.as_(token).post(&at(server, &json!({"id": id}), "/remove"), json!({})).await;

    assert!(listed().await.contains(&text(&spare["id"]).to_owned()) && bundle().await.contains(&customer.read("spare.pem")));
    for role in ["issuer", "security-lead", "viewer"] {
        let (_, token) = server.account(&server.acme, role).await;
        remove(&token, &spare["id"]).await.problem(403, "forbidden");
    }
    let theirs = server.brava.path(&format!("/issuers/{}/remove", text(&spare["id"])));
    server.as_(&server.in_brava().admin).post(&theirs, json!({})).await.problem(404, "not-found");
    // What is answered for here, and what that stands below, stays.
    let above = admin.get(&at(server, &json!({"id": active["root"]}), "")).await.ok(200);
    for (id, why) in [
        (&active["id"], "retire it instead"),
        (&json!(server.acme.root), "retire it instead"),
        (&requested(server).await["id"], "abandon it"),
        (&above["id"], "below it are here"),
        (&above["root"], "below it are here"),
    ] {
        let problem = remove(&server.acme.admin, id).await.problem(409, "conflict");
        assert!(text(&problem["detail"]).contains(why), "{why}: {problem}");
    }

    let once = admin.clone().once("remove");
    let done = once.post(&at(server, &spare, "/remove"), json!({})).await.ok(200);
    assert_eq!(once.post(&at(server, &spare, "/remove"), json!({})).await.ok(200), done);
    remove(&server.acme.admin, &spare["id"]).await.problem(404, "not-found");
    admin.get(&at(server, &spare, "")).await.problem(404, "not-found");
    assert!(!listed().await.contains(&text(&spare["id"]).to_owned()) && !bundle().await.contains(&customer.read("spare.pem")));
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == done["event"]["id"]).unwrap();
    let detail = &event["event"]["detail"];
    assert_eq!((&event["event"]["act"], &detail["sha256"]), (&json!("issuer.remove"), &spare["sha256"]));
    // Trusted again only by its name; retired, it leaves all the same.
    let again = add("spare").await.ok(201);
    admin.post(&at(server, &again, "/retire"), json!({})).await.ok(200);
    remove(&server.acme.admin, &again["id"]).await.ok(200);
    server.run_jobs().await;
}

async fn what_was_retired_comes_back_by_its_name_alone(server: &TestServer) {
    let (admin, customer) = (server.as_(&server.acme.admin), Customer::new());
    let root = customer.read("root.pem");
    let add = async || admin.post(&server.acme.path("/trust-anchors"), json!({"name": "Again", "pem": root})).await;
    let retire = async |issuer: &Value| admin.post(&at(server, issuer, "/retire"), json!({})).await.ok(200);
    let first = add().await.ok(201);
    retire(&first).await;
    let pending = requested(server).await;
    let chain = customer.sign(text(&pending["request"]), "root", SUB, "") + &root;
    let problem = complete(server, &pending, &chain).await.problem(422, "invalid");
    let reason = format!("the authority {}, which is retired here", text(&first["id"]));
    assert!(problem["field"] == "chain" && text(&problem["detail"]).contains(&reason), "{problem}");

    let second = add().await.ok(201);
    let active = complete(server, &pending, &chain).await.ok(200);
    assert_eq!(active["root"], second["id"]);
    // Retired again with what stood below it, and added again, it is in the bundle once.
    retire(&active).await;
    retire(&second).await;
    add().await.ok(201);
    server.run_jobs().await;
    let bundle = server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&active["public_id"]))).await.ok_text(200);
    assert_eq!(bundle.matches(&root).count(), 1);
    // A root of the tenant's own never left.
    let own = admin.get(&at(server, &json!({"id": server.acme.root}), "")).await.ok(200);
    retire(&json!({"id": server.acme.issuer})).await;
    retire(&own).await;
    let body = json!({"name": "Own", "pem": own["certificate"]});
    admin.post(&server.acme.path("/trust-anchors"), body).await.problem(409, "conflict");
}

async fn each_authority_that_a_chain_brings_is_in_its_event(server: &TestServer) {
    let (admin, customer, pending) = (server.as_(&server.acme.admin), Customer::new(), requested(server).await);
    customer.0.must(&format!("req -new {KEY} -keyout between.key -subj /CN=Between -out between.csr"), b"");
    let between = customer.sign(&customer.read("between.csr"), "root", &SUB.replace("pathlen:0", "pathlen:1"), "");
    customer.0.file("between.pem", &between);
    let sign =
        |pending: &Value| customer.sign(text(&pending["request"]), "between", SUB, "-days 2000") + &between + &customer.read("root.pem");
    let active = complete(server, &pending, &sign(&pending)).await.ok(200);
    let above = admin.get(&at(server, &json!({"id": active["root"]}), "")).await.ok(200);
    let anchor = admin.get(&at(server, &json!({"id": above["root"]}), "")).await.ok(200);
    let named = |authority: &Value| json!({"id": authority["id"], "sha256": authority["sha256"]});
    let next = admin.post(&at(server, &pending, "/successor"), json!({})).await.ok(201);
    complete(server, &next, &sign(&next)).await.ok(200);
    let log = server.events(&server.acme).await;
    let added: Vec<_> = log.iter().map(|entry| &entry["event"]).filter(|event| event["act"] == "issuer.activate").collect();
    assert_eq!(added[1]["detail"]["added"], json!([named(&anchor), named(&above)]));
    assert_eq!(added[0]["detail"]["added"], json!([]));
}

/// The quota of authorities; at the start there are two.
async fn authorities_have_a_bound_that_nothing_passes(server: &TestServer) {
    let (admin, customer) = (server.as_(&server.acme.admin), Customer::new());
    let post = async |path: &str, body: Value| admin.post(&server.acme.path(path), body).await;
    let own = json!({"id": server.acme.issuer});
    let pending = requested(server).await;
    for _ in 3..199 {
        requested(server).await;
    }
    let two = json!({"name": "Two", "permitted_names": ["dns:*.acme.example"]});
    post("/issuers", two).await.problem(403, "quota");
    admin.post(&at(server, &own, "/successor"), json!({"new_root": true})).await.problem(403, "quota");
    let one = json!({"name": "One", "external": true, "permitted_names": ["dns:*.acme.example"]});
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (client, path, body) = (server.as_(&server.acme.admin), server.acme.path("/issuers"), one.clone());
            tokio::spawn(async move { client.post(&path, body).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap().status == 201);
    }
    assert_eq!(made, 1);
    post("/issuers", one).await.problem(403, "quota");
    post("/trust-anchors", json!({"name": "A", "pem": customer.read("root.pem")})).await.problem(403, "quota");
    admin.post(&at(server, &own, "/successor"), json!({})).await.problem(403, "quota");
    let chain = customer.sign(text(&pending["request"]), "root", SUB, "") + &customer.read("root.pem");
    complete(server, &pending, &chain).await.problem(403, "quota");
    let count = async || admin.get(&server.acme.path("/issuers")).await.ok(200)["items"].as_array().unwrap().len();
    assert_eq!(count().await, 200);
    // What was given up is over, and leaves its place to one other.
    admin.post(&at(server, &pending, "/abandon"), json!({})).await.ok(200);
    let one = json!({"name": "One", "external": true, "permitted_names": ["dns:*.acme.example"]});
    let anchor = post("/trust-anchors", json!({"name": "A", "pem": customer.read("root.pem")})).await.ok(201);
    post("/issuers", one.clone()).await.problem(403, "quota");
    // So does what is removed, and not what is retired and still verifies.
    admin.post(&at(server, &anchor, "/retire"), json!({})).await.ok(200);
    post("/issuers", one.clone()).await.problem(403, "quota");
    admin.post(&at(server, &anchor, "/remove"), json!({})).await.ok(200);
    post("/issuers", one).await.ok(201);
    assert_eq!(count().await, 201);
    server.run_jobs().await;
}

on_both_engines!(
    a_customers_root_signs_and_what_is_issued_verifies,
    hostile_chains_are_refused_with_the_reason,
    wider_names_are_accepted_by_name_alone,
    what_is_abandoned_is_over,
    anchors_join_the_bundle_and_leave_it_again,
    authorities_of_others_can_be_removed,
    what_was_retired_comes_back_by_its_name_alone,
    each_authority_that_a_chain_brings_is_in_its_event,
    authorities_have_a_bound_that_nothing_passes,
);
