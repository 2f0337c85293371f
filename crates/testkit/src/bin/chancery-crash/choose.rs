//! What a client does next, and what it learns from the answers.

use crate::act::Act;
use crate::client::{Client, Tenant};
use crate::journal::{Deed, Entry};
use crate::power::moment;
use anyhow::Result;
use chancery_testkit::chance::Chance;
use chancery_testkit::csr::csr;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// What a client made and may go on with.
#[derive(Default)]
pub(crate) struct Standing {
    /// Certificates of the tenant's first issuer that nobody renewed or revoked yet, and those of other issuers.
    open: Vec<String>,
    others: Vec<String>,
    /// Those with a key to be fetched, and to be acknowledged.
    keys: Vec<String>,
    fetched: Vec<String>,
    accounts: Vec<String>,
    /// Tokens with their accounts.
    tokens: Vec<(String, String)>,
    /// Profiles with their versions.
    profiles: Vec<(String, i64)>,
    /// Active issuers without a successor; those that have one or came from outside; and those that wait, with their requests.
    issuers: Vec<String>,
    retiring: Vec<String>,
    asked: Vec<(String, String)>,
    /// What others signed, and what was removed of it: a repeat of its making finds it no more.
    imported: Vec<String>,
    anchors: Vec<String>,
    pub(crate) removed: BTreeSet<String>,
    signers: Vec<String>,
    /// Of the operator's.
    tenants: Vec<String>,
    suspended: Vec<String>,
}

/// An act, what it is about, its path and body.
type Wish = (Act, String, String, Value);

impl Standing {
    /// What the request is about is not there for another one.
    pub(crate) fn spend(&mut self, entry: &Entry) {
        if entry.act == Act::Token {
            return;
        }
        let many = entry.body["certificates"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let spent: BTreeSet<_> = many.chain([entry.target.as_str()]).collect();
        let lists = [&mut self.open, &mut self.others, &mut self.keys, &mut self.fetched, &mut self.accounts, &mut self.issuers];
        let more = [&mut self.retiring, &mut self.imported, &mut self.anchors, &mut self.tenants, &mut self.suspended];
        lists.into_iter().chain(more).for_each(|list| list.retain(|id| !spent.contains(id.as_str())));
        self.tokens.retain(|(token, account)| !spent.contains(token.as_str()) && !spent.contains(account.as_str()));
        self.asked.retain(|(id, _)| !spent.contains(id.as_str()));
    }
}

impl Client {
    pub(crate) fn learn(&mut self, entry: &Entry) {
        for deed in entry.deeds() {
            self.learn_of(entry, &deed);
        }
        // Of a change that was made before its answer was lost a 412 tells.
        if entry.act == Act::ProfileChange {
            let name = entry.target.split('/').next().unwrap_or_default();
            self.standing.profiles.iter_mut().filter(|(known, _)| known == name).for_each(|(_, version)| *version += 1);
        }
    }

    fn learn_of(&mut self, entry: &Entry, deed: &Deed<'_>) {
        let (subject, body, known) = (deed.subject.to_owned(), deed.body, &mut self.standing);
        match deed.act {
            Act::Issue | Act::Renew => {
                if body["custody"] == "software-release-once" {
                    known.keys.push(subject.clone());
                }
                if let Some((_, path)) = body["crl_url"].as_str().and_then(|url| url.split_once("/pki/")) {
                    self.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("/pki/{path}"));
                }
                let of_the_first = self.tenant.as_ref().is_some_and(|tenant| body["issuer"] == tenant.issuer.as_str());
                if of_the_first { &mut known.open } else { &mut known.others }.push(subject);
            }
            // Fetched twice at once, it is acknowledged once.
            Act::Fetch | Act::Pkcs12 if known.fetched.contains(&subject) => {}
            Act::Fetch | Act::Pkcs12 => known.fetched.push(subject),
            Act::Account => known.accounts.push(subject),
            Act::Token | Act::Rotate => {
                let account = entry.path.split('/').skip_while(|part| *part != "accounts").nth(1).unwrap_or_default();
                known.tokens.push((subject, account.to_owned()));
            }
            Act::ProfileCreate => known.profiles.push((entry.target.clone(), 1)),
            Act::Issuer => known.issuers.push(subject),
            Act::Roll => {
                known.retiring.push(entry.target.clone());
                known.issuers.push(subject);
            }
            Act::Ask => known.asked.push((subject, body["request"].as_str().unwrap_or_default().to_owned())),
            Act::Complete => known.retiring.push(subject),
            Act::Tenant | Act::Resume | Act::Invite => known.tenants.push(subject),
            Act::Suspend => known.suspended.push(subject),
            Act::Import => known.imported.push(subject),
            Act::Anchor => known.anchors.push(subject),
            Act::RemoveImported | Act::RemoveAnchor => drop(known.removed.insert(subject)),
            Act::Signer => known.signers.push(entry.target.clone()),
            Act::RollSigner | Act::Sign => {}
            Act::Revoke | Act::Acknowledge | Act::Disable | Act::EndToken | Act::ProfileChange | Act::Retire | Act::Abandon => {}
        }
    }

    /// The next act, or two of one certificate at once.
    pub(crate) fn choose(&mut self, life: u32) -> Result<Vec<Entry>> {
        let Some(tenant) = self.tenant.clone() else { return Ok(vec![self.choose_for_operator(life)]) };
        if self.chance.below(20) == 0 {
            return Ok(vec![self.choose_profile(&tenant, life)]);
        }
        let wish = match self.chance.below(100) {
            0..40 => self.choose_certificate(&tenant),
            40..52 => self.choose_key(&tenant),
            52..66 => self.choose_access(&tenant).or_else(|| Some(self.account(&tenant))),
            66..84 => match self.choose_issuer(&tenant)? {
                None if self.chance.below(3) == 0 => Some(self.anchor(&tenant)?),
                None => Some(self.ask(&tenant)),
                chosen => chosen,
            },
            84..90 => self.choose_import(&tenant)?,
            90..97 => Some(self.choose_signing(&tenant)),
            _ => None,
        };
        let (act, target, path, body) = wish.unwrap_or_else(|| self.issue(&tenant, true));
        let entry = self.entry(act, target, path, body, life);
        let is_one = entry.body["certificates"].is_null();
        if matches!(act, Act::Revoke | Act::Fetch | Act::Import) && is_one && self.chance.below(2) == 0 {
            let twin = Entry { key: format!("{}-twin", entry.key), ..entry.clone() };
            return Ok(vec![entry, twin]);
        }
        Ok(vec![entry])
    }

    /// A name that nobody else asks for.
    fn host(&self, tenant: &Tenant) -> String {
        format!("{}-{}.{}.example", self.name, self.journal.len(), tenant.slug)
    }

    fn issue(&mut self, tenant: &Tenant, with_csr: bool) -> Wish {
        let host = self.host(tenant);
        let issuer = match self.chance.below(6) {
            0 => pick(&self.standing.issuers, &mut self.chance).unwrap_or_else(|| tenant.issuer.clone()),
            _ => tenant.issuer.clone(),
        };
        let mut body = json!({"profile": "tls-server", "issuer": issuer, "names": [host]});
        if with_csr {
            body["csr"] = csr(&[&host], false).pem.into();
        }
        (Act::Issue, String::new(), tenant.path("/certificates"), body)
    }

    fn choose_certificate(&mut self, tenant: &Tenant) -> Option<Wish> {
        let (known, chance) = (&mut self.standing, &mut self.chance);
        let one = |act, id: String, verb| (act, id.clone(), tenant.path(&format!("/certificates/{id}/{verb}")));
        Some(match chance.below(50) {
            0..16 => return Some(self.issue(tenant, false)),
            16..26 => {
                let (act, id, path) = one(Act::Renew, take(&mut known.open, chance)?, "renew");
                (act, id, path, json!({}))
            }
            26..40 => {
                let from = if chance.below(3) == 0 { &mut known.others } else { &mut known.open };
                let (act, id, path) = one(Act::Revoke, take(from, chance)?, "revoke");
                (act, id, path, json!({"reason": "superseded"}))
            }
            choice => {
                let ids: Vec<_> = (0..5).map_while(|_| take(&mut known.open, chance)).collect();
                if ids.is_empty() {
                    return None;
                }
                match choice {
                    40..45 => (Act::Renew, String::new(), tenant.path("/certificates/bulk-renew"), json!({"certificates": ids})),
                    _ => {
                        let body = json!({"certificates": ids, "reason": "superseded"});
                        (Act::Revoke, String::new(), tenant.path("/certificates/bulk-revoke"), body)
                    }
                }
            }
        })
    }

    fn choose_key(&mut self, tenant: &Tenant) -> Option<Wish> {
        let (known, chance) = (&mut self.standing, &mut self.chance);
        let (act, id, verb, body) = match chance.below(10) {
            0..4 => (Act::Fetch, take(&mut known.keys, chance)?, "private-key/fetch", json!({})),
            4..6 => (Act::Pkcs12, take(&mut known.keys, chance)?, "pkcs12", json!({"password": "kept by nobody"})),
            _ => (Act::Acknowledge, take(&mut known.fetched, chance)?, "private-key/acknowledge", json!({})),
        };
        Some((act, id.clone(), tenant.path(&format!("/certificates/{id}/{verb}")), body))
    }

    fn account(&self, tenant: &Tenant) -> Wish {
        let body = json!({"name": self.host(tenant), "roles": ["viewer"]});
        (Act::Account, String::new(), tenant.path("/accounts"), body)
    }

    /// Asks for an issuer that the customer's authority is to sign.
    fn ask(&self, tenant: &Tenant) -> Wish {
        let permitted = [format!("dns:*.{}.example", tenant.slug)];
        (
            Act::Ask,
            String::new(),
            tenant.path("/issuers"),
            json!({"name": self.host(tenant), "permitted_names": permitted, "external": true}),
        )
    }

    fn anchor(&mut self, tenant: &Tenant) -> Result<Wish> {
        let body = json!({"name": self.host(tenant), "pem": self.customer.another_root()?});
        Ok((Act::Anchor, String::new(), tenant.path("/trust-anchors"), body))
    }

    fn choose_access(&mut self, tenant: &Tenant) -> Option<Wish> {
        let (known, chance) = (&mut self.standing, &mut self.chance);
        let of_token = |(token, account): &(String, String), verb| tenant.path(&format!("/accounts/{account}/tokens/{token}/{verb}"));
        Some(match chance.below(10) {
            0..3 => return None,
            3..6 => {
                let id = pick(&known.accounts, chance)?;
                (Act::Token, id.clone(), tenant.path(&format!("/accounts/{id}/tokens")), json!({}))
            }
            6..8 => {
                let token = take(&mut known.tokens, chance)?;
                (Act::Rotate, token.0.clone(), of_token(&token, "rotate"), json!({"overlap_seconds": 60}))
            }
            8 => {
                let token = take(&mut known.tokens, chance)?;
                (Act::EndToken, token.0.clone(), of_token(&token, "revoke"), json!({}))
            }
            _ => {
                let id = take(&mut known.accounts, chance)?;
                known.tokens.retain(|(_, account)| *account != id);
                (Act::Disable, id.clone(), tenant.path(&format!("/accounts/{id}/disable")), json!({}))
            }
        })
    }

    fn choose_issuer(&mut self, tenant: &Tenant) -> Result<Option<Wish>> {
        let (name, permitted) = (format!("{}-{}", self.name, self.journal.len()), [format!("dns:*.{}.example", tenant.slug)]);
        let (known, chance) = (&mut self.standing, &mut self.chance);
        let of = |id: &str, verb: &str| tenant.path(&format!("/issuers/{id}/{verb}"));
        let choice = chance.below(13);
        Ok(match choice {
            0..2 => Some((Act::Issuer, String::new(), tenant.path("/issuers"), json!({"name": name, "permitted_names": permitted}))),
            2..4 => None,
            4..6 => take(&mut known.issuers, chance).map(|id| {
                let path = of(&id, "successor");
                (Act::Roll, id, path, json!({"new_root": chance.below(2) == 0}))
            }),
            6..8 => match take(&mut known.asked, chance) {
                None => None,
                Some((id, request)) => {
                    let path = of(&id, "certificate");
                    Some((Act::Complete, id, path, json!({"chain": self.customer.chain(&request)?})))
                }
            },
            8 => take(&mut known.asked, chance).map(|(id, _)| {
                let path = of(&id, "abandon");
                (Act::Abandon, id, path, json!({}))
            }),
            9 => None,
            10 => take(&mut known.anchors, chance).map(|id| {
                let path = of(&id, "remove");
                (Act::RemoveAnchor, id, path, json!({}))
            }),
            _ => take(&mut known.retiring, chance).map(|id| {
                let path = of(&id, "retire");
                (Act::Retire, id, path, json!({}))
            }),
        })
    }

    /// Two certificates of the customer's own authority; or one of them is removed again.
    fn choose_import(&mut self, tenant: &Tenant) -> Result<Option<Wish>> {
        if self.chance.below(4) == 0 {
            let removed = take(&mut self.standing.imported, &mut self.chance);
            return Ok(removed.map(|id| (Act::RemoveImported, id.clone(), tenant.path(&format!("/certificates/{id}/remove")), json!({}))));
        }
        let host = self.host(tenant);
        let bundle = self.customer.certificate(&host)? + &self.customer.certificate(&format!("www.{host}"))?;
        Ok(Some((Act::Import, String::new(), tenant.path("/certificates/import"), json!({"bundle": bundle}))))
    }

    /// Two documents by a signer that there is; it is rolled over now and then.
    fn choose_signing(&mut self, tenant: &Tenant) -> Wish {
        let (number, signer) = (self.journal.len(), pick(&self.standing.signers, &mut self.chance));
        let Some(signer) = signer.filter(|_| self.chance.below(8) > 0) else {
            let name = format!("{}-{number}", self.name);
            let body = json!({
                "name": name, "certify": {"profile": "code-signing", "names": [self.host(tenant)], "issuer": tenant.issuer},
                "signing_profile": {"formats": ["raw"], "algorithms": ["ecdsa-p256-sha256"], "digests": ["sha-256"]}
            });
            return (Act::Signer, name, tenant.path("/signers"), body);
        };
        let at = |verb: &str| tenant.path(&format!("/signers/{signer}/{verb}"));
        if self.chance.below(10) == 0 {
            return (Act::RollSigner, signer.clone(), at("roll"), json!({}));
        }
        let document = |half: usize| json!({"digest": format!("sha-256:{:064x}", number * 2 + half)});
        (Act::Sign, signer.clone(), at("signatures"), json!({"format": "raw", "documents": [document(0), document(1)]}))
    }

    fn choose_for_operator(&mut self, life: u32) -> Entry {
        let (known, chance) = (&mut self.standing, &mut self.chance);
        let of = |id: &str, verb: &str| format!("/v1/platform/tenants/{id}/{verb}");
        let turned = match chance.below(6) {
            0 => take(&mut known.tenants, chance).map(|id| (Act::Invite, of(&id, "invite"), id)),
            1 | 2 => take(&mut known.tenants, chance).map(|id| (Act::Suspend, of(&id, "suspend"), id)),
            3 => take(&mut known.suspended, chance).map(|id| (Act::Resume, of(&id, "resume"), id)),
            _ => None,
        };
        if let Some((act, path, id)) = turned {
            return self.entry(act, id, path, json!({}), life);
        }
        let slug = format!("made-{}", self.journal.len());
        self.entry(Act::Tenant, String::new(), "/v1/platform/tenants".to_owned(), json!({"slug": slug}), life)
    }

    fn choose_profile(&mut self, tenant: &Tenant, life: u32) -> Entry {
        let known = &self.standing.profiles;
        let standing = known.get(self.chance.below(known.len())).cloned().filter(|_| known.len() > 1);
        let name = standing.as_ref().map_or_else(|| format!("{}-{}", self.name, self.journal.len()), |(name, _)| name.clone());
        let body = json!({
            "name": name, "description": format!("number {}", self.journal.len()), "key_algorithms": ["ec-p256"],
            "names": ["dns:*"], "wildcards": false, "max_names": 3, "extended_key_usage": ["server-auth"], "common_name": "never",
            "default_validity_seconds": 86400, "max_validity_seconds": 86400, "custody": ["client"], "renewal_window_percent": 33
        });
        let path = tenant.path("/profiles");
        match standing {
            None => self.entry(Act::ProfileCreate, name, path, body, life),
            Some((_, version)) => {
                let entry = self.entry(Act::ProfileChange, format!("{name}/{}", version + 1), format!("{path}/{name}"), body, life);
                Entry { method: "PUT", if_match: Some(version), ..entry }
            }
        }
    }

    fn entry(&self, act: Act, target: String, path: String, body: Value, life: u32) -> Entry {
        let key = format!("{}-{}", self.name, self.journal.len());
        Entry { act, target, method: "POST", path, body, key, if_match: None, life, sent: 0, asked: moment(), told: 0, answer: None }
    }
}

fn take<T>(from: &mut Vec<T>, chance: &mut Chance) -> Option<T> {
    let at = chance.below(from.len());
    (!from.is_empty()).then(|| from.swap_remove(at))
}

fn pick<T: Clone>(from: &[T], chance: &mut Chance) -> Option<T> {
    from.get(chance.below(from.len())).cloned()
}
