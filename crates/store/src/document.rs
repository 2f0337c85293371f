//! Documents of which versions are signed, and the signatures of these versions in one line.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::{DocumentId, Sealed, SignatureId, Timestamp};

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its id.
    pub id: DocumentId,
    /// The blind index of its name: one document has it.
    pub blind: [u8; 16],
    /// Its name, sealed.
    pub name: Sealed,
    /// When the first version of it was signed.
    pub created_at: Timestamp,
}

/// A signature of a version of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentSignatureRow {
    /// Of which document.
    pub document: DocumentId,
    /// Its place among the signatures of the document, from 1.
    pub place: u32,
    /// The version, from 1.
    pub version: u32,
    /// The signature.
    pub signature: SignatureId,
    /// The version's digest, sealed.
    pub digest: Sealed,
}

fn document(row: &Row) -> Result<DocumentRow, StoreError> {
    Ok(DocumentRow { id: row.id(0, DocumentId::from_bytes)?, blind: row.array(1)?, name: row.sealed(2)?, created_at: row.time(3)? })
}

fn signature(row: &Row) -> Result<DocumentSignatureRow, StoreError> {
    Ok(DocumentSignatureRow {
        document: row.id(0, DocumentId::from_bytes)?,
        place: row.unsigned(1)?,
        version: row.unsigned(2)?,
        signature: row.id(3, SignatureId::from_bytes)?,
        digest: row.sealed(4)?,
    })
}

impl TenantView {
    /// The document.
    pub async fn document(&self, id: DocumentId) -> Result<Option<DocumentRow>, StoreError> {
        let query = sql!("SELECT id, blind, name, created_at FROM document WHERE tenant_id = ?1 AND id = ?2", self.id(), id.as_bytes());
        self.row(query, document).await
    }

    /// The document of this name.
    pub async fn document_named(&self, blind: &[u8; 16]) -> Result<Option<DocumentRow>, StoreError> {
        let query = sql!("SELECT id, blind, name, created_at FROM document WHERE tenant_id = ?1 AND blind = ?2", self.id(), blind);
        self.row(query, document).await
    }

    /// A page of documents.
    pub async fn documents(&self, page: Page<DocumentId>) -> Result<Vec<DocumentRow>, StoreError> {
        let before = page.before.unwrap_or(DocumentId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, blind, name, created_at FROM document WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, document).await
    }

    /// A page of the signatures of a document's versions.
    pub async fn document_signatures(&self, of: DocumentId, page: Page<u32>) -> Result<Vec<DocumentSignatureRow>, StoreError> {
        let query = sql!(
            "SELECT document_id, place, version, signature_id, digest FROM document_signature
             WHERE tenant_id = ?1 AND document_id = ?2 AND place < ?3 ORDER BY place DESC LIMIT ?4",
            self.id(),
            of.as_bytes(),
            page.before.unwrap_or(u32::MAX),
            page.limit
        );
        self.rows(query, signature).await
    }
}

impl Changes {
    /// Inserts a document, whose name must be free.
    pub fn insert_document(&mut self, row: &DocumentRow) {
        let statement = sql!(
            "INSERT INTO document (tenant_id, id, blind, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.blind,
            &row.name,
            row.created_at
        );
        self.one(Guard::Unique("document"), statement);
    }

    /// Inserts a signature of a document's version at its place, which must be free: of two that race one looks again.
    pub fn insert_document_signature(&mut self, row: &DocumentSignatureRow) {
        let statement = sql!(
            "INSERT INTO document_signature (tenant_id, document_id, place, version, signature_id, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.document.as_bytes(),
            row.place,
            row.version,
            row.signature.as_bytes(),
            &row.digest
        );
        self.one(Guard::Unique("document_signature"), statement);
    }
}
