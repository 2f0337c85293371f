//! Private keys made here: fetched, alone or as a PKCS#12 file, as often as needed until their receipt is acknowledged, then erased.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::places;
use crate::view::Receipt;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::PrivateKeyRelease;
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::{CertificateId, enforced};
use chancery_store::{CertificateRow, PrivateKeyRow};
use chancery_x509::PublicKey;
use chancery_x509::pkcs12::{self, Content, FriendlyName, Password};
use std::sync::Arc;
use zeroize::Zeroizing;

const GONE: &str = "the private key was fetched and acknowledged: it is erased here";

/// What a key leaves in.
enum Form {
    Pkcs8,
    Pkcs12 { password: Password, friendly_name: Option<FriendlyName> },
}

impl Form {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Pkcs8 => "pkcs8",
            Self::Pkcs12 { .. } => "pkcs12",
        }
    }
}

impl Chancery {
    /// The private key of a certificate, PKCS#8 DER. Each fetch is an event.
    pub async fn fetch_private_key(&self, caller: &Caller, id: CertificateId) -> Result<(Zeroizing<Vec<u8>>, Receipt), Failure> {
        self.fetch(caller, id, Form::Pkcs8).await
    }

    /// The same key with its certificate and chain as a PKCS#12 file under a password. It is a fetch like any other.
    pub async fn fetch_pkcs12(
        &self,
        caller: &Caller,
        id: CertificateId,
        password: Password,
        friendly_name: Option<FriendlyName>,
    ) -> Result<(Zeroizing<Vec<u8>>, Receipt), Failure> {
        self.fetch(caller, id, Form::Pkcs12 { password, friendly_name }).await
    }

    async fn fetch(&self, caller: &Caller, id: CertificateId, form: Form) -> Result<(Zeroizing<Vec<u8>>, Receipt), Failure> {
        let form = Arc::new(form);
        // A certificate's key never changes, so what was made of it is good for each attempt.
        let mut made = None;
        let receipt = deciding_anew!(self, caller => self.try_fetch(&caller, id, &form, &mut made))?;
        Ok((made.ok_or_else(|| Failure::internal("a key was released that was not made ready"))?, receipt))
    }

    async fn try_fetch(
        &self,
        caller: &Caller,
        id: CertificateId,
        form: &Arc<Form>,
        made: &mut Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Receipt, Stop> {
        let (certificate, key) = load(caller, id).await?;
        let (permit, certificate) = self.permit_on::<PrivateKeyRelease, _>(caller, certificate).await?;
        let key = releasable(&certificate, key)?;
        let sealed = key.key.as_ref().ok_or(Failure::Gone(GONE.to_owned()))?;
        // Before the commit: what could not be made is no fetch. It leaves this process only after.
        if made.is_none() {
            let pkcs8 = caller.realm.open(&places::PRIVATE_KEY, id.as_bytes(), sealed)?;
            *made = Some(self.in_form(caller, form, &certificate, pkcs8).await?);
        }
        // A repeated request is a fetch like any other: the key leaves again, so that is decided and recorded again.
        let mut deed = match caller.done_before().await? {
            Some(_) => Deed::by(&permit).repeated(),
            None => Deed::by(&permit),
        };
        if enforced!("private-key.count") {
            deed.changes.count_private_key_fetch(&key);
        }
        let detail = detail! { "certificate" => id.to_string(), "fetch" => key.fetches.saturating_add(1), "form" => form.as_str() };
        deed.commit(self.ports(), "private-key.fetch", *id.as_bytes(), detail).await
    }

    /// A private key in the form in which it leaves.
    async fn in_form(
        &self,
        caller: &Caller,
        form: &Arc<Form>,
        row: &CertificateRow,
        pkcs8: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if matches!(**form, Form::Pkcs8) {
            return Ok(pkcs8);
        }
        let certificate = self.certificate_of(&caller.realm, row).await?;
        // PKCS#12 wraps any key, but neither openssl, Java nor Python takes ML-DSA out of it: what nobody opens is no delivery.
        if PublicKey::from_spki_der(&certificate.summary.spki_der)?.algorithm() == KeyAlgorithm::MlDsa65
            && enforced!("private-key.unreadable")
        {
            let message = "programs do not read ml-dsa-65 keys from PKCS#12 files yet: fetch the private key by itself, PKCS#8";
            return Err(Failure::Conflict(message.to_owned()));
        }
        let (form, entropy) = (Arc::clone(form), Arc::clone(&self.ports().entropy));
        let write = move || {
            let Form::Pkcs12 { password, friendly_name } = &*form else { return Ok(pkcs8) };
            let content = Content {
                pkcs8_der: &pkcs8,
                leaf_der: &certificate.der,
                chain_der: &certificate.chain,
                friendly_name: friendly_name.as_ref(),
            };
            pkcs12::encode(&content, password, &*entropy).map(Zeroizing::new).map_err(Failure::internal)
        };
        caller.apart(self.inner.turns.take(caller.realm.id, write)).await
    }

    /// Takes note that the fetched key arrived, and erases it.
    pub async fn acknowledge_private_key(&self, caller: &Caller, id: CertificateId) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => self.try_acknowledge(&caller, id))
    }

    async fn try_acknowledge(&self, caller: &Caller, id: CertificateId) -> Result<Receipt, Stop> {
        let (certificate, key) = load(caller, id).await?;
        let (permit, certificate) = self.permit_on::<PrivateKeyRelease, _>(caller, certificate).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok(done.receipt);
        }
        let key = releasable(&certificate, key)?;
        if key.key.is_none() && enforced!("private-key.erased") {
            return Err(Failure::Gone(GONE.to_owned()).into());
        }
        if key.fetches == 0 && enforced!("private-key.unfetched") {
            return Err(Failure::Conflict("the private key was never fetched: fetch it before you acknowledge it".to_owned()).into());
        }
        let mut deed = Deed::by(&permit);
        deed.changes.erase_private_key(&key);
        deed.commit(self.ports(), "private-key.erase", *id.as_bytes(), detail! { "certificate" => id.to_string() }).await
    }
}

async fn load(caller: &Caller, id: CertificateId) -> Result<(Option<CertificateRow>, Option<PrivateKeyRow>), Failure> {
    let view = &caller.realm.view;
    Ok((view.certificate(id).await?, view.private_key(id).await?))
}

fn releasable(certificate: &CertificateRow, key: Option<PrivateKeyRow>) -> Result<PrivateKeyRow, Failure> {
    match (certificate.custody, key) {
        (Custody::SoftwareReleaseOnce, Some(key)) => Ok(key),
        (Custody::SoftwareNeverReleased, Some(key)) if !enforced!("private-key.custody") => Ok(key),
        (Custody::Client, _) => Err(Failure::Conflict("the private key never was here: its requester made it".to_owned())),
        (Custody::SoftwareNeverReleased, _) => Err(Failure::Conflict("this custody never gives the private key out".to_owned())),
        (Custody::SoftwareReleaseOnce, None) => Err(Failure::internal("the private key's record is missing")),
    }
}
