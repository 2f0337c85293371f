//! Where sealed columns stand: the associated data that binds ciphertext to its place (I6).

use crate::Failure;
use crate::realm::Realm;
use crate::service::Ports;
use chancery_domain::{DocumentId, Sealed, SignerId};
use chancery_keys::{Place, Purpose};
use zeroize::Zeroizing;

/// A sealed column and the purpose key that seals it.
pub(crate) struct Column {
    purpose: Purpose,
    table: &'static str,
    column: &'static str,
}

macro_rules! columns {
    ($($name:ident = $purpose:ident $table:literal $column:literal;)*) => {
        $(pub(crate) const $name: Column = Column { purpose: Purpose::$purpose, table: $table, column: $column };)*

        #[cfg(test)]
        const ALL: &[Column] = &[$($name),*];
    };
}

columns! {
    ACCOUNT_NAME = Metadata "account" "name";
    ACCOUNT_KEY_LABEL = Metadata "account_key" "label";
    ROLE = Metadata "role" "body";
    BINDING = Metadata "role_binding" "body";
    CONFLICT = Metadata "duty_conflict" "body";
    PROFILE = Metadata "profile" "body";
    AUTHORITY = Metadata "authority" "body";
    AUTHORITY_KEY = Data "authority" "key";
    AUTHORITY_STATUS_KEY = Status "authority" "status_key";
    ORDER = Metadata "certificate_order" "body";
    CERTIFICATE = Metadata "certificate" "body";
    PRIVATE_KEY = Data "private_key" "key";
    SIGNING_PROFILE = Metadata "signing_profile" "body";
    SIGNER_CHAIN = Metadata "signer_version" "chain";
    SIGNER_KEY = Data "signer_version" "key";
    SIGNATURE = Metadata "signature" "body";
    HOLD = Metadata "hold" "body";
    DOCUMENT_NAME = Metadata "document" "name";
    VERSION_DIGEST = Metadata "document_signature" "digest";
    ARCHIVE = Metadata "archive" "destination";
    EVENT = Log "event" "body";
    LOG_KEY = Log "log" "key";
    PUBLICATION_SALT = Log "publication" "salt";
}

impl Realm {
    pub(crate) fn seal(&self, column: &Column, row: &[u8], plaintext: &[u8], ports: &Ports) -> Result<Sealed, Failure> {
        let place = Place { table: column.table, column: column.column, row };
        Ok(self.sealer.seal(column.purpose, &place, plaintext, &*ports.entropy)?)
    }

    pub(crate) fn open(&self, column: &Column, row: &[u8], sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let place = Place { table: column.table, column: column.column, row };
        Ok(self.sealer.open(column.purpose, &place, sealed)?)
    }

    pub(crate) fn open_text(&self, column: &Column, row: &[u8], sealed: &Sealed) -> Result<String, Failure> {
        String::from_utf8(self.open(column, row, sealed)?.to_vec()).map_err(Failure::internal)
    }
}

/// The row part of a profile's place: its name and version.
pub(crate) fn profile_row(name: &str, version: u32) -> Vec<u8> {
    format!("{name}@{version}").into_bytes()
}

/// The row part of the place of a version of a signer's profile, or of its key and chain.
pub(crate) fn signer_row(signer: SignerId, version: u32) -> Vec<u8> {
    [signer.as_bytes().as_slice(), &version.to_be_bytes()].concat()
}

/// The row part of the place of a signature of a document's version.
pub(crate) fn document_signature_row(document: DocumentId, place: u32) -> Vec<u8> {
    [document.as_bytes().as_slice(), &place.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    // I6: what two columns shared, could be moved between them.
    #[test]
    fn no_two_columns_are_one_place() {
        let mut places: Vec<_> = ALL.iter().map(|column| (column.table, column.column)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), ALL.len());
    }
}
