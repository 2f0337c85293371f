//! X.509, DER in and out: certification requests, certificates, CRLs, lints and path validation. Pure values; keys live elsewhere (I10).
//!
//! What is written is written by an own small DER writer, what is read is read by the `der` and `x509-cert` crates,
//! so that a mistake of the one is noticed by the other. Another algorithm is one more arm in each match of `algorithm.rs`.

mod algorithm;
mod certificate;
pub mod chain;
pub mod cms;
mod constraints;
pub mod crl;
pub mod csr;
mod der_in;
mod der_out;
pub mod documents;
mod extension;
pub mod hash;
pub mod issuer;
pub mod key;
pub mod lint;
mod name;
pub mod path;
pub mod pem;
pub mod pkcs12;
pub mod plan;
pub mod prepared;
mod problem;
pub mod summary;
pub mod supplied;
mod time;
pub mod tsp;

pub use algorithm::RefusedSignature;
pub use chain::{ChainError, is_signed_by, verify_chain};
pub use crl::{Crl, CrlEntry, CrlError, CrlPlan};
pub use csr::{CertificationRequest, CsrError};
pub use documents::{SignerUse, document_signer, document_signers_chain};
pub use issuer::{IssuerCertificate, IssuerError};
pub use key::{BadKey, BadSignature, PublicKey, SignError, Signer, Unverified, prove_key_pair};
pub use lint::{Finding, LintError};
pub use path::{PathWish, Purpose, find_path};
pub use plan::{Addresses, CaPlan, CertificatePlan, DistinguishedName, ForeseenContent, ForeseenExtension};
pub use prepared::{AuthorityRequest, CaCertificate, Leaf, Prepared, RevocationList, Signed};
pub use problem::Problem;
pub use summary::{CertificateSummary, NotACertificate};
pub use supplied::{AuthorityWish, SuppliedChain, SuppliedError, supplied_chain, supplied_root};
