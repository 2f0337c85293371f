//! Certificates of somebody else's authority, as they come to an inventory.

use crate::clock::SimClock;
use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
pub use rcgen::ExtendedKeyUsagePurpose;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use std::time::Duration;

/// Somebody's authority.
pub struct Stranger(CertifiedIssuer<'static, KeyPair>);

/// What a certificate of it is to be.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The DNS names.
    pub names: &'a [&'a str],
    /// The common name.
    pub common_name: &'a str,
    /// The serial number's octets, unsigned.
    pub serial: &'a [u8],
    /// Whether it is an authority's.
    pub authority: bool,
    /// The private key, PKCS#8 in PEM; by default a new one.
    pub key: Option<&'a str>,
    /// It ends so many days from now, and began ninety days before.
    pub days: i64,
    /// What its key is for, besides signing; anything if that is not said.
    pub purpose: Option<ExtendedKeyUsagePurpose>,
    /// What it is for besides that purpose.
    pub also: &'a [ExtendedKeyUsagePurpose],
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            names: &["www.partner.example"],
            common_name: "www.partner.example",
            serial: &[7],
            authority: false,
            key: None,
            days: 30,
            purpose: None,
            also: &[],
        }
    }
}

impl Stranger {
    /// An authority of this name.
    pub fn called(name: &str) -> Self {
        Self::of(None, name)
    }

    /// An authority of this organisation and name.
    pub fn of(organization: Option<&str>, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        organization.into_iter().for_each(|name| params.distinguished_name.push(DnType::OrganizationName, name));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key pair is made");
        Self(CertifiedIssuer::self_signed(params, key).expect("the authority is made"))
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of it, PEM.
    pub fn certificate(&self, clock: &SimClock, wanted: &Wanted<'_>) -> String {
        let mut params =
            CertificateParams::new(wanted.names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("the names are names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, wanted.common_name);
        params.serial_number = Some(SerialNumber::from_slice(wanted.serial));
        params.use_authority_key_identifier_extension = true;
        params.is_ca = if wanted.authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
        if let Some(purpose) = &wanted.purpose {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            match purpose {
                ExtendedKeyUsagePurpose::TimeStamping => params.custom_extensions.push(time_stamping()),
                purpose => params.extended_key_usages = vec![purpose.clone()],
            }
        }
        let at = |days: i64| {
            let time = Timestamp::from_seconds(clock.now().millis() / 1000 + days * 86_400);
            std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(time.millis().unsigned_abs())
        };
        params.not_before = at(wanted.days - 90).into();
        params.not_after = at(wanted.days).into();
        params.extended_key_usages.extend(wanted.also.iter().cloned());
        let given = wanted.key.map(|pem| KeyPair::from_pem(pem).expect("the key is a key"));
        let key = given.unwrap_or_else(|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key pair is made"));
        params.signed_by(&key, &self.0).expect("the certificate is signed").pem()
    }
}

/// extendedKeyUsage timeStamping, critical and alone (RFC 3161 section 2.3).
fn time_stamping() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 37], b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08".to_vec());
    extension.set_criticality(true);
    extension
}
