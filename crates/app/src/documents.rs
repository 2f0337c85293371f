//! Documents: each version that was signed, in one line without forks, and what became of its signatures.

use crate::deed::Deed;
use crate::places::{self, document_signature_row};
use crate::realm::Realm;
use crate::service::Ports;
use crate::signatures;
use crate::view::{Signature, Superseded, VersionOf};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::SignatureRead;
use chancery_domain::document::{DocumentName, Version, VersionFacts};
use chancery_domain::lineage::LineageKind;
use chancery_domain::signature::Digest;
use chancery_domain::{DocumentId, SignatureId, Timestamp};
use chancery_store::{DocumentRow, DocumentSignatureRow, Page};

/// That what is signed is to be a version of a document.
#[derive(Clone, Debug)]
pub struct VersionWish {
    /// The document's name; a new one makes a new document.
    pub name: DocumentName,
    /// The version that the requester takes for the newest; 0 where there should be none yet.
    pub supersedes: Option<u32>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct DocumentEntry {
    /// Its id.
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// When the first version of it was signed.
    pub created_at: Timestamp,
    /// Its newest version.
    pub newest: Version,
}

/// A signature of a version.
#[derive(Clone, Debug)]
pub struct VersionSignature {
    /// Its place among the signatures of the document, from 1.
    pub place: u32,
    /// The version.
    pub version: Version,
    /// The signature.
    pub signature: Signature,
}

/// A document of which a version is about to be signed.
pub(crate) struct OpenDocument {
    row: DocumentRow,
    is_new: bool,
    name: DocumentName,
    /// The next free place among its signatures.
    place: u32,
    newest: Option<Version>,
}

impl Chancery {
    /// A page of documents, newest first.
    pub async fn documents(&self, caller: &Caller, page: Page<DocumentId>) -> Result<Vec<DocumentEntry>, Failure> {
        self.permit::<SignatureRead>(caller).await?;
        let mut found = Vec::new();
        for row in caller.realm.view.documents(page).await? {
            found.push(entry(&caller.realm, &row).await?);
        }
        Ok(found)
    }

    /// The document of this name.
    pub async fn document_named(&self, caller: &Caller, name: &DocumentName) -> Result<Option<DocumentEntry>, Failure> {
        self.permit::<SignatureRead>(caller).await?;
        match caller.realm.view.document_named(&blind(&caller.realm, name)?).await? {
            Some(row) => entry(&caller.realm, &row).await.map(Some),
            None => Ok(None),
        }
    }

    /// A document, and a page of the signatures of its versions, newest first.
    pub async fn document(
        &self,
        caller: &Caller,
        id: DocumentId,
        page: Page<u32>,
    ) -> Result<(DocumentEntry, Vec<VersionSignature>), Failure> {
        let realm = &caller.realm;
        let (_permit, row) = self.permit_on::<SignatureRead, _>(caller, realm.view.document(id).await?).await?;
        let mut found = Vec::new();
        for row in realm.view.document_signatures(id, page).await? {
            let missing = || Failure::internal("a signature of a document is missing");
            let signature = realm.view.signature(row.signature).await?.ok_or_else(missing)?;
            let signature = signatures::read(realm, &signature).await?;
            found.push(VersionSignature { place: row.place, version: version(realm, &row)?, signature });
        }
        Ok((entry(realm, &row).await?, found))
    }

    /// The document that is meant, as it stands.
    pub(crate) async fn open_document(&self, realm: &Realm, name: &DocumentName) -> Result<OpenDocument, Failure> {
        let (ports, blind) = (self.ports(), blind(realm, name)?);
        if let Some(row) = realm.view.document_named(&blind).await? {
            let last = last(realm, row.id).await?;
            let place = last.place.checked_add(1).ok_or_else(|| Failure::internal("too many signatures of a document"))?;
            return Ok(OpenDocument { row, is_new: false, name: name.clone(), place, newest: Some(version(realm, &last)?) });
        }
        let id = DocumentId::new(&*ports.clock, &*ports.entropy);
        let sealed = realm.seal(&places::DOCUMENT_NAME, id.as_bytes(), name.as_str().as_bytes(), ports)?;
        let row = DocumentRow { id, blind, name: sealed, created_at: self.now() };
        Ok(OpenDocument { row, is_new: true, name: name.clone(), place: 1, newest: None })
    }
}

impl OpenDocument {
    /// What the evaluator is told of it.
    pub(crate) fn facts(&self, supersedes: Option<u32>) -> VersionFacts {
        VersionFacts { supersedes, newest: self.newest.clone() }
    }

    /// What a signature of this digest is a version of: the newest once more, or the next one.
    pub(crate) fn version_of(&self, digest: &Digest) -> VersionOf {
        let newest = self.facts(None);
        let again = newest.is_newest(digest);
        let superseded = self.newest.as_ref().filter(|_| !again);
        VersionOf {
            document: self.row.id,
            name: self.name.as_str().to_owned(),
            version: if again { newest.newest_number() } else { newest.newest_number().saturating_add(1) },
            supersedes: superseded.map(|newest| Superseded { version: newest.number, digest: newest.digest.to_string() }),
        }
    }

    /// Puts the signature into the line, where nobody else may have come meanwhile.
    pub(crate) fn put(
        &self,
        deed: &mut Deed,
        realm: &Realm,
        signature: SignatureId,
        digest: &Digest,
        ports: &Ports,
    ) -> Result<(), Failure> {
        let (id, number) = (self.row.id, self.version_of(digest).version);
        if self.is_new {
            deed.changes.insert_document(&self.row);
        }
        let row = document_signature_row(id, self.place);
        deed.changes.insert_document_signature(&DocumentSignatureRow {
            document: id,
            place: self.place,
            version: number,
            signature,
            digest: realm.seal(&places::VERSION_DIGEST, &row, digest.to_string().as_bytes(), ports)?,
        });
        if !self.facts(None).is_newest(digest) {
            deed.makes(LineageKind::DocumentVersion, id.as_bytes(), number);
        }
        Ok(())
    }
}

/// The number of the newest version of a document.
pub(crate) async fn newest_version(realm: &Realm, id: DocumentId) -> Result<u32, Failure> {
    Ok(last(realm, id).await?.version)
}

async fn last(realm: &Realm, id: DocumentId) -> Result<DocumentSignatureRow, Failure> {
    let found = realm.view.document_signatures(id, Page { before: None, limit: 1 }).await?;
    found.into_iter().next().ok_or_else(|| Failure::internal("a document has no version"))
}

async fn entry(realm: &Realm, row: &DocumentRow) -> Result<DocumentEntry, Failure> {
    let name = realm.open_text(&places::DOCUMENT_NAME, row.id.as_bytes(), &row.name)?;
    Ok(DocumentEntry { id: row.id, name, created_at: row.created_at, newest: version(realm, &last(realm, row.id).await?)? })
}

fn version(realm: &Realm, row: &DocumentSignatureRow) -> Result<Version, Failure> {
    let place = document_signature_row(row.document, row.place);
    let digest = realm.open_text(&places::VERSION_DIGEST, &place, &row.digest)?.parse().map_err(Failure::internal)?;
    Ok(Version { number: row.version, digest })
}

/// A text that no name in a certificate has.
fn blind(realm: &Realm, name: &DocumentName) -> Result<[u8; 16], Failure> {
    Ok(realm.sealer.blind(&format!("document:{name}"))?)
}
