//! Keys certified before: what is known of a subject's key in this tenant, and what is kept of it (BR 4.9.1.1, 6.1.1.3).

use crate::issue::{SubjectKey, Wish};
use crate::realm::Realm;
use crate::{Caller, Failure};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::CertificateId;
use chancery_domain::decision::KeyHistory;
use chancery_domain::name::SubjectName;
use chancery_store::{Changes, SubjectKeyRow};
use chancery_x509::PublicKey;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// So many new keys of a tenant, one after the other, make it likely that the next is new.
const NEW_KEYS: u32 = 16;

/// What was read of a key, and what it is to be certified for now.
pub(crate) struct KeyUse {
    /// The blind index value of the key; `None` of one that is still to be made.
    blind: Option<[u8; 16]>,
    before: Option<Arc<SubjectKeyRow>>,
    /// Whether that was read just now, or is what is remembered here; of a key that is not, that it is new.
    read: bool,
    /// The profile and names; `None` where the profile is not known.
    scope: Option<[u8; 16]>,
}

impl KeyUse {
    /// What is expected of a wish's key: to be as it was when it was last read here, and where the tenant's last keys were all new, to
    /// be new as well. A commit that finds it otherwise ends with [`Stop::Unexpected`]; then it is read.
    ///
    /// [`Stop::Unexpected`]: crate::failure::Stop::Unexpected
    pub(crate) async fn expect(caller: &Caller, wish: &Wish) -> Result<Self, Failure> {
        let (realm, unread) = (&caller.realm, Self::of(&caller.realm, wish)?);
        let known = unread.blind.and_then(|blind| realm.subject_keys.find(&blind));
        let is_new = || wish.renews.is_none() && realm.new_keys.load(Ordering::Relaxed) >= NEW_KEYS;
        if caller.looks_up || (known.is_none() && !is_new()) {
            return unread.look_up(realm).await;
        }
        Ok(Self { before: known, ..unread })
    }

    /// Looks a wish's key up; one that is still to be made is new.
    pub(crate) async fn read(realm: &Realm, wish: &Wish) -> Result<Self, Failure> {
        Self::of(realm, wish)?.look_up(realm).await
    }

    fn of(realm: &Realm, wish: &Wish) -> Result<Self, Failure> {
        let blind = match &wish.subject {
            SubjectKey::Given(key) => Some(blind(realm, key.spki_der())?),
            SubjectKey::ToMake(_) => None,
        };
        Ok(Self { blind, before: None, read: false, scope: Some(scope(realm, wish.profile.as_str(), &wish.request.names)?) })
    }

    async fn look_up(self, realm: &Realm) -> Result<Self, Failure> {
        let Some(blind) = self.blind else { return Ok(Self { read: true, ..self }) };
        let row = realm.view.subject_key(&blind).await?;
        match row {
            Some(_) => realm.new_keys.store(0, Ordering::Relaxed),
            None => drop(realm.new_keys.fetch_add(1, Ordering::Relaxed)),
        }
        Ok(Self { before: row.map(|row| realm.subject_keys.keep(blind, row)), read: true, ..self })
    }

    /// Whether nobody looked.
    pub(crate) const fn is_expected(&self) -> bool {
        !self.read
    }

    /// Looks up the key of a certificate that is taken in. Under which profile it was certified stands in no certificate, so none may
    /// count on it: it is certified again only where a profile allows that for whatever names.
    pub(crate) async fn read_imported(realm: &Realm, spki_der: &[u8]) -> Result<Self, Failure> {
        let unread = Self { blind: Some(blind(realm, spki_der)?), before: None, read: false, scope: None };
        unread.look_up(realm).await
    }

    /// Keeps that somebody else certified the key: it is known from now on. What it was certified for here stays as it is, for whoever
    /// takes in a certificate of others, which may say of any key that it is theirs, does not end the renewals of ours.
    pub(crate) fn keep_of_others(
        &self,
        changes: &mut Changes,
        realm: &Realm,
        spki_der: &[u8],
        certificate: CertificateId,
    ) -> Result<(), Failure> {
        let blind = self.blind_of(realm, spki_der)?;
        changes.insert_certificate_key(&blind, certificate);
        match &self.before {
            None => changes.insert_subject_key(&SubjectKeyRow { blind, scope: None, certificate, compromised: false, version: 1 }),
            Some(row) => changes.guard_subject_key(row),
        }
        Ok(())
    }

    /// What is known of the key, if anything is, holds at the commit.
    pub(crate) fn guard(&self, changes: &mut Changes) {
        if let Some(row) = &self.before {
            changes.guard_subject_key(row);
        }
    }

    fn blind_of(&self, realm: &Realm, spki_der: &[u8]) -> Result<[u8; 16], Failure> {
        self.blind.map_or_else(|| blind(realm, spki_der), Ok)
    }

    /// The same for the evaluator.
    pub(crate) fn history(&self) -> KeyHistory {
        match &self.before {
            None => KeyHistory::New,
            Some(row) if row.compromised => KeyHistory::Compromised(row.certificate),
            Some(row) if row.scope.is_some() && row.scope == self.scope => KeyHistory::SameNames(row.certificate),
            Some(row) => KeyHistory::OtherNames(row.certificate),
        }
    }

    /// Keeps the use. What was decided on holds at the commit: of two that certify one new key at once, one decides anew.
    pub(crate) fn keep(&self, changes: &mut Changes, realm: &Realm, spki_der: &[u8], certificate: CertificateId) -> Result<(), Failure> {
        let (blind, scope) = (self.blind_of(realm, spki_der)?, self.scope);
        changes.insert_certificate_key(&blind, certificate);
        match &self.before {
            None => changes.insert_subject_key(&SubjectKeyRow { blind, scope, certificate, compromised: false, version: 1 }),
            // Without a change of its row, or renewals of one key would stand in each other's way.
            Some(row) if row.scope.is_none() || row.scope == self.scope => changes.guard_subject_key(row),
            Some(row) => changes.widen_subject_key(row),
        }
        Ok(())
    }
}

/// The blind index value of a key's secret, whatever public key it comes with: of a text that no name has, for `key` is no kind of name.
pub(crate) fn blind(realm: &Realm, spki_der: &[u8]) -> Result<[u8; 16], Failure> {
    let hash = hex::encode(digest(&SHA256, &PublicKey::secret_identifier(spki_der)));
    Ok(realm.sealer.blind(&format!("key:{hash}"))?)
}

/// The blind index value of a profile and a set of names, in whatever order and however often they are named.
fn scope(realm: &Realm, profile: &str, names: &[SubjectName]) -> Result<[u8; 16], Failure> {
    let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.into_iter().collect();
    // No name holds a line break, and no profile a blank.
    Ok(realm.sealer.blind(&format!("scope:{profile} {}", names.join("\n")))?)
}
