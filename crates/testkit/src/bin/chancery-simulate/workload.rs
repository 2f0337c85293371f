//! What the clients do: tenants' people, the operator, and chance, which crashes nodes and sets clocks wrong.

use crate::act::{Act, Done};
use crate::client::{Client, Entry, World};
use crate::node::Ground;
use chancery_app::Failure;
use chancery_domain::certificate::RevocationReason;
use chancery_domain::{AccountId, CertificateId, IssuerId, TenantId, TokenId};
use std::rc::Rc;
use std::time::Duration;

/// What a client knows of its tenant's things.
#[derive(Default)]
struct Known {
    certificates: Vec<CertificateId>,
    /// Whose private keys were fetched.
    fetched: Vec<CertificateId>,
    issuers: Vec<IssuerId>,
    accounts: Vec<AccountId>,
    /// With its account and its secret, where that was answered.
    tokens: Vec<(AccountId, TokenId, Option<String>)>,
    profiles: Vec<(String, u32)>,
    signers: Vec<String>,
}

/// A member of a tenant: `acts` acts, some of them sent again.
pub(crate) async fn member(client: Client, slug: String, issuer: IssuerId, acts: u32) {
    let mut known = Known { issuers: vec![issuer], ..Known::default() };
    let sim = &client.world.sim;
    for number in 0..acts {
        client.world.pause(if sim.comes(500) { 50 } else { 4000 }).await;
        let key = format!("{}-{number}", client.name);
        let act = choose(&client, &mut known, &slug, &key);
        let done = if sim.comes(150) {
            // The same of one thing twice at once, as two requests.
            let twin = format!("{key}-twin");
            let (mut done, twin) = tokio::join!(client.perform(act.clone(), &key), client.perform(act.clone(), &twin));
            done.extend(twin);
            done
        } else {
            client.perform(act.clone(), &key).await
        };
        learn(&mut known, &act, &done);
        if let (Act::EndToken(account, token), [_]) = (&act, done.as_slice()) {
            let ended = known.tokens.iter().position(|known| known.0 == *account && known.1 == *token);
            if let Some((_, _, Some(secret))) = ended.map(|at| known.tokens.remove(at)) {
                tokio::time::sleep(Duration::from_secs(5)).await;
                client.is_refused(&secret, |failure| matches!(failure, Failure::Unauthenticated), "a token's revocation").await;
            }
        }
        if sim.comes(150) {
            let own: Vec<Entry> =
                client.world.journal.borrow().iter().filter(|entry| entry.key.starts_with(&client.name)).cloned().collect();
            if let Some(entry) = own.get(sim.below(own.len())).filter(|entry| entry.act.repeats_alike()) {
                client.repeat(entry).await;
            }
        }
    }
}

fn choose(client: &Client, known: &mut Known, slug: &str, key: &str) -> Act {
    let sim = &client.world.sim;
    // From five minutes to fifty.
    let validity = 300 + u32::try_from(sim.below(2700)).unwrap_or(0);
    let issuer = (sim.comes(300)).then(|| known.issuers.get(sim.below(known.issuers.len())).copied()).flatten();
    let issue = Act::Issue { host: format!("{key}.{slug}.example"), validity, issuer };
    let pick = |from: &[CertificateId]| from.get(sim.below(from.len())).copied();
    let some = |from: &[CertificateId]| {
        let start = sim.below(from.len());
        from.get(start..(start + 1 + sim.below(4)).min(from.len())).unwrap_or_default().to_vec()
    };
    let reason = if sim.comes(200) { RevocationReason::KeyCompromise } else { RevocationReason::Superseded };
    match sim.below(100) {
        0..12 => pick(&known.certificates).map_or(issue, Act::Renew),
        12..28 => pick(&known.certificates).map_or(issue, |id| Act::Revoke(id, reason)),
        28..33 if !known.certificates.is_empty() => Act::RevokeEach(some(&known.certificates)),
        33..37 if !known.certificates.is_empty() => Act::RenewEach(some(&known.certificates)),
        37..40 => Act::Issuer { name: key.to_owned(), slug: slug.to_owned() },
        40..44 => {
            let soon = Duration::from_millis(u64::try_from(sim.below(30_000)).unwrap_or(0));
            let retire_at = sim.comes(500).then(|| sim.true_time().after(Duration::from_secs(5) + soon));
            known.issuers.get(sim.below(known.issuers.len())).map_or(issue, |id| Act::Roll(*id, retire_at))
        }
        44..46 if known.issuers.len() > 1 => known.issuers.get(sim.below(known.issuers.len())).map_or(issue, |id| Act::Retire(*id)),
        46..50 => Act::Account(key.to_owned()),
        50..55 => known.accounts.get(sim.below(known.accounts.len())).map_or(issue, |id| Act::Mint(*id)),
        55..60 => known.tokens.get(sim.below(known.tokens.len())).map_or(issue, |(account, token, _)| Act::EndToken(*account, *token)),
        60..63 => Act::NewProfile(format!("p-{}", key.to_lowercase())),
        63..66 => {
            let chosen = known.profiles.get(sim.below(known.profiles.len()));
            chosen.map_or(issue, |(name, version)| Act::ChangeProfile(name.clone(), *version))
        }
        66..74 => {
            let key = u8::try_from(sim.below(3)).unwrap_or(0);
            // Mostly for its own host: a key is certified again for the same names alone.
            let host = if sim.comes(800) { usize::from(key) } else { sim.below(3) };
            Act::Csr { host: format!("key-{host}.{slug}.example"), key, named: sim.comes(500), validity }
        }
        74..78 => {
            let first = sim.below(6);
            let numbers = (first..=first + sim.below(3)).filter_map(|number| u8::try_from(number).ok());
            Act::Import { below: format!("{slug}.example"), numbers: numbers.collect() }
        }
        78..83 => pick(&known.certificates).map_or(issue, Act::Fetch),
        83..87 => pick(&known.fetched).or_else(|| pick(&known.certificates)).map_or(issue, Act::Acknowledge),
        87..90 => Act::Signer(format!("s-{}", key.to_lowercase()), slug.to_owned()),
        90..97 => {
            let signer = known.signers.get(sim.below(known.signers.len())).cloned();
            signer.map_or(issue, |name| if sim.comes(200) { Act::RollSigner(name) } else { Act::Sign(name, key.to_owned()) })
        }
        _ => issue,
    }
}

fn learn(known: &mut Known, act: &Act, done: &[Done]) {
    for done in done {
        let text = &done.subject;
        match act {
            Act::Fetch(id) => known.fetched.push(*id),
            _ if act.certifies() => known.certificates.extend(text.parse::<CertificateId>().ok()),
            Act::Issuer { .. } | Act::Roll(..) => known.issuers.extend(text.parse::<IssuerId>().ok()),
            Act::Account(_) => known.accounts.extend(text.parse::<AccountId>().ok()),
            Act::Mint(account) => known.tokens.extend(text.parse().ok().map(|id| (*account, id, done.secret.clone()))),
            Act::Signer(name, _) => known.signers.push(name.clone()),
            Act::NewProfile(name) => known.profiles.push((name.clone(), 1)),
            Act::ChangeProfile(name, read) => {
                known.profiles.iter_mut().filter(|(known, _)| known == name).for_each(|(_, version)| *version = read + 1);
            }
            _ => {}
        }
    }
}

/// The operator: makes tenants, suspends those in use and resumes them.
pub(crate) async fn operator(client: Client, tenants: Vec<(TenantId, String)>, acts: u32) {
    let sim = &client.world.sim;
    for number in 0..acts {
        client.world.pause(5000).await;
        let key = format!("{}-{number}", client.name);
        if sim.comes(500) {
            client.perform(Act::Tenant(format!("made-{number}")), &key).await;
            continue;
        }
        let Some((tenant, token)) = tenants.get(sim.below(tenants.len())) else { continue };
        if !client.perform(Act::Suspend(*tenant), &key).await.is_empty() {
            tokio::time::sleep(Duration::from_secs(5)).await;
            client.is_refused(token, |failure| matches!(failure, Failure::Suspended), "a tenant's suspension").await;
        }
        client.world.pause(3000).await;
        client.perform(Act::Resume(*tenant), &format!("{key}-resume")).await;
    }
}

/// Crashes a node, restarts the database under both, sets a clock wrong, or stands back, until it is told to stop.
pub(crate) async fn trouble(world: Rc<World>, ground: Ground) {
    let sim = &ground.sim;
    while sim.faulty() {
        world.pause(12_000).await;
        if !sim.faulty() {
            break;
        }
        let node = &world.nodes[sim.below(2)];
        match sim.below(10) {
            0..5 => {
                node.crash();
                world.pause(4000).await;
                node.start().await;
                node.work();
            }
            5 => {
                world.nodes.iter().for_each(crate::node::Node::crash);
                ground.files.restart();
                sim.note(|| "the database ends, and starts anew".to_owned());
                for node in &world.nodes {
                    node.start().await;
                    node.work();
                }
            }
            6..8 => node.set_wrong(wrong(sim.below(10_000))),
            _ => {}
        }
    }
}

/// Up to five seconds early or late.
pub(crate) fn wrong(drawn: usize) -> i64 {
    i64::try_from(drawn).unwrap_or(0) - 5000
}
