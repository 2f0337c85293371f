//! An incremental update that appends a signature field and a signature dictionary with a hole for the CMS.

use super::{LARGEST, LARGEST_CMS};
use crate::verdict::Problem;
use chancery_domain::Timestamp;
use lopdf::{Dictionary, Document, IncrementalDocument, Object, ObjectId, Stream, StringFormat, dictionary};
use std::ops::Range;

/// Stands for an offset until it is known; as long as offsets can be.
const UNKNOWN: i64 = 9_999_999_999;

/// What later verifiers need to judge the certificates of signer and timestamping authority (ISO 32000-2 section 12.8.4.3).
#[derive(Clone, Copy, Debug, Default)]
pub struct SecurityStore<'a> {
    /// Certificates, DER.
    pub certificates: &'a [Vec<u8>],
    /// Revocation lists, DER: those of every authority in the paths of both, current when it is signed.
    pub crls: &'a [Vec<u8>],
}

/// A PDF with a signature that lacks its CMS.
pub struct Package {
    bytes: Vec<u8>,
    /// The hexadecimal string with its angle brackets.
    hole: Range<usize>,
}

fn malformed(error: impl std::fmt::Display) -> Problem {
    Problem::new("form", format!("not a PDF that can be signed: {error}"))
}

impl Package {
    /// Appends a signature, with the time that the signer claims, and leaves this much room for the CMS ([`super::room`]). With what
    /// tells later verifiers whether the certificates were revoked, and a timestamp in the CMS, it is PAdES B-LT: the document security
    /// store stands in the revision that is signed, so that nothing has to be appended behind the signature.
    ///
    /// # Errors
    /// A [`Problem`]: `form` if it cannot be read or is encrypted, `certified` if its author allows no further signature, `bounds`.
    pub fn of(pdf: &[u8], room: usize, signing_time: Timestamp, store: &SecurityStore<'_>) -> Result<Self, Problem> {
        if pdf.len() > LARGEST || room > LARGEST_CMS {
            return Err(Problem::new("bounds", format!("a PDF of more than {LARGEST} bytes, or a CMS of more than {LARGEST_CMS}")));
        }
        let document = Document::load_mem(pdf).map_err(malformed)?;
        if document.is_encrypted() || document.trailer.has(b"Encrypt") {
            return Err(malformed("it is encrypted"));
        }
        let catalog = document.catalog().map_err(malformed)?;
        if catalog.get_deref(b"Perms", &document).and_then(Object::as_dict).is_ok_and(|permissions| permissions.has(b"DocMDP")) {
            return Err(Problem::new("certified", "its author certified it, and with what is allowed since then is not worked out here"));
        }
        let mut update = IncrementalDocument::create_from(pdf.to_vec(), document);
        append(&mut update, room, signing_time).and_then(|()| append_store(&mut update, store)).map_err(malformed)?;
        let mut bytes = Vec::with_capacity(pdf.len() + 2 * room + 4096);
        update.save_to(&mut bytes).map_err(malformed)?;
        Self::with_hole(bytes, pdf.len(), room)
    }

    /// Finds the hole in what was appended and writes the byte range around it.
    fn with_hole(mut bytes: Vec<u8>, appended: usize, room: usize) -> Result<Self, Problem> {
        let lost = || Problem::new("form", "the signature that was appended is not found: this is a fault of the program, report it");
        let new = bytes.get(appended..).ok_or_else(lost)?;
        let range = appended + position(new, b"/ByteRange").ok_or_else(lost)?;
        let hole = [&b"<"[..], &vec![b'0'; 2 * room], b">"].concat();
        let start = appended + position(new, &hole).ok_or_else(lost)?;
        let hole = start..start + hole.len();
        let mut at = range;
        for number in [hole.start, hole.end, bytes.len() - hole.end] {
            let unknown = UNKNOWN.to_string();
            at += position(bytes.get(at..).unwrap_or_default(), unknown.as_bytes()).ok_or_else(lost)?;
            // Spaces may follow a number.
            let written = format!("{number:<width$}", width = unknown.len());
            bytes.get_mut(at..at + unknown.len()).ok_or_else(lost)?.copy_from_slice(written.as_bytes());
        }
        Ok(Self { bytes, hole })
    }

    /// What is signed: before the hole, and after it.
    pub(super) fn byte_range(&self) -> (&[u8], &[u8]) {
        (self.bytes.get(..self.hole.start).unwrap_or_default(), self.bytes.get(self.hole.end..).unwrap_or_default())
    }

    /// The signed PDF, with this CMS over the byte range.
    ///
    /// # Errors
    /// A [`Problem`] `bounds` if the CMS is longer than the room that was left.
    pub fn finish(mut self, cms: &[u8]) -> Result<Vec<u8>, Problem> {
        let digits = hex::encode(cms);
        let inside = self.bytes.get_mut(self.hole.start + 1..self.hole.end - 1).unwrap_or_default();
        let room = inside.len() / 2;
        let too_long = || Problem::new("bounds", format!("the CMS has {} bytes, and {room} were left for it", cms.len()));
        inside.get_mut(..digits.len()).ok_or_else(too_long)?.copy_from_slice(digits.as_bytes());
        Ok(self.bytes)
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

fn append(update: &mut IncrementalDocument, room: usize, signing_time: Timestamp) -> lopdf::Result<()> {
    let page = update.get_prev_documents().page_iter().next().ok_or(lopdf::Error::PageNumberNotFound(1))?;
    let signature = update.new_document.add_object(dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "ByteRange" => vec![0.into(), UNKNOWN.into(), UNKNOWN.into(), UNKNOWN.into()],
        "Contents" => Object::String(vec![0; room], StringFormat::Hexadecimal),
        "M" => Object::string_literal(date(signing_time)),
    });
    let field = update.new_document.new_object_id();
    update.new_document.set_object(
        field,
        dictionary! {
            "Type" => "Annot",
            "Subtype" => "Widget",
            "FT" => "Sig",
            // Unlike every other's, as the object's number is.
            "T" => Object::string_literal(format!("Signature{}", field.0)),
            "V" => signature,
            "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
            // Printed (bit 3) and locked (bit 8), as all signatures are.
            "F" => 132,
            "P" => page,
        },
    );
    push(update, page, b"Annots", field)?;
    let root = update.get_prev_documents().trailer.get(b"Root").and_then(Object::as_reference)?;
    let form = form(update, root)?;
    if let Some(dictionary) = in_update(update, &form)? {
        // SignaturesExist and AppendOnly.
        dictionary.set("SigFlags", 3);
    }
    match form {
        Place::Of(object) => push(update, object, b"Fields", field),
        Place::Inside(catalog) => {
            let mut fields = Vec::new();
            if let Some(form) = in_update(update, &Place::Inside(catalog))? {
                match form.get(b"Fields") {
                    Ok(Object::Reference(array)) => {
                        let array = *array;
                        return push_to(update, array, field);
                    }
                    Ok(Object::Array(found)) => fields.clone_from(found),
                    _ => {}
                }
                fields.push(field.into());
                form.set("Fields", fields);
            }
            Ok(())
        }
    }
}

/// Adds to the store that is there, or begins one. The catalog is in the update already.
fn append_store(update: &mut IncrementalDocument, store: &SecurityStore<'_>) -> lopdf::Result<()> {
    if store.certificates.is_empty() && store.crls.is_empty() {
        return Ok(());
    }
    let root = update.get_prev_documents().trailer.get(b"Root").and_then(Object::as_reference)?;
    let place = match update.new_document.get_dictionary(root)?.get(b"DSS") {
        Ok(Object::Reference(place)) => *place,
        found => {
            let old = found.and_then(Object::as_dict).cloned().unwrap_or_default();
            let place = update.new_document.add_object(old);
            update.new_document.get_dictionary_mut(root)?.set("DSS", place);
            place
        }
    };
    for (key, ders) in [(b"Certs".as_slice(), store.certificates), (b"CRLs", store.crls)] {
        for der in ders {
            let stream = update.new_document.add_object(Stream::new(Dictionary::new(), der.clone()).with_compression(false));
            push(update, place, key, stream)?;
        }
    }
    Ok(())
}

/// Where the AcroForm stands: an object of its own, or inside of the catalog.
enum Place {
    Of(ObjectId),
    Inside(ObjectId),
}

fn form(update: &mut IncrementalDocument, root: ObjectId) -> lopdf::Result<Place> {
    update.opt_clone_object_to_new_document(root)?;
    let catalog = update.new_document.get_dictionary_mut(root)?;
    match catalog.get(b"AcroForm") {
        Ok(Object::Reference(form)) => {
            let form = *form;
            update.opt_clone_object_to_new_document(form)?;
            Ok(Place::Of(form))
        }
        Ok(Object::Dictionary(_)) => Ok(Place::Inside(root)),
        _ => {
            catalog.set("AcroForm", Dictionary::new());
            Ok(Place::Inside(root))
        }
    }
}

fn in_update<'a>(update: &'a mut IncrementalDocument, place: &Place) -> lopdf::Result<Option<&'a mut Dictionary>> {
    match place {
        Place::Of(object) => update.new_document.get_dictionary_mut(*object).map(Some),
        Place::Inside(catalog) => {
            update.new_document.get_dictionary_mut(*catalog)?.get_mut(b"AcroForm").and_then(Object::as_dict_mut).map(Some)
        }
    }
}

/// Appends to the array under this key, wherever the array stands.
fn push(update: &mut IncrementalDocument, object: ObjectId, key: &[u8], reference: ObjectId) -> lopdf::Result<()> {
    update.opt_clone_object_to_new_document(object)?;
    let dictionary = update.new_document.get_dictionary_mut(object)?;
    match dictionary.get_mut(key) {
        Ok(Object::Array(array)) => array.push(reference.into()),
        Ok(Object::Reference(array)) => {
            let array = *array;
            return push_to(update, array, reference);
        }
        _ => dictionary.set(key, vec![reference.into()]),
    }
    Ok(())
}

fn push_to(update: &mut IncrementalDocument, array: ObjectId, reference: ObjectId) -> lopdf::Result<()> {
    update.opt_clone_object_to_new_document(array)?;
    update.new_document.get_object_mut(array)?.as_array_mut()?.push(reference.into());
    Ok(())
}

/// `D:20261121120000Z` (ISO 32000-1 section 7.9.4).
fn date(time: Timestamp) -> String {
    let digits: String = time.whole_second().to_string().chars().filter(char::is_ascii_digit).collect();
    format!("D:{digits}Z")
}
