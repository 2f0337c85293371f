//! Leaves: salted commitments to events, so that after the salt is shredded old proofs still verify and say nothing.

use crate::canon::{CanonError, canonical};
use crate::merkle::sha256;
use chancery_domain::event::{Event, Receipt};
use chancery_domain::port::Entropy;

/// The salt of one event: 32 random bytes.
pub struct Salt([u8; 32]);

/// What opens a leaf: the salt and the canonical bytes of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The salt.
    pub salt: &'a [u8; 32],
    /// The event.
    pub canonical: &'a [u8],
}

impl<'a> Opening<'a> {
    /// From stored bytes: salt, then canonical bytes.
    pub fn read(stored: &'a [u8]) -> Option<Self> {
        let (salt, canonical) = stored.split_first_chunk()?;
        Some(Self { salt, canonical })
    }

    /// The leaf hash that it opens.
    pub fn leaf(&self) -> [u8; 32] {
        leaf(self.salt, self.canonical)
    }
}

/// An event's canonical bytes, the salt, and the leaf hash that commits to both.
pub struct Record {
    canonical: Vec<u8>,
    salt: Salt,
    receipt: Receipt,
}

impl Record {
    /// Makes the record of an event.
    pub fn new(event: &Event, entropy: &dyn Entropy) -> Result<Self, CanonError> {
        let mut salt = [0; 32];
        entropy.fill(&mut salt);
        let canonical = canonical(event)?;
        let receipt = Receipt { event: event.id, leaf: leaf(&salt, &canonical) };
        Ok(Self { canonical, salt: Salt(salt), receipt })
    }

    /// What a client is given of it.
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Salt, then canonical bytes: what is sealed and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.salt.0.as_slice(), &self.canonical].concat()
    }

    /// The canonical bytes within stored bytes, if they and their salt make this leaf.
    pub fn open<'a>(stored: &'a [u8], expected: &[u8; 32]) -> Option<&'a [u8]> {
        let opening = Opening::read(stored)?;
        (opening.leaf() == *expected).then_some(opening.canonical)
    }
}

/// SHA-256(0x00 ‖ SHA-256(salt ‖ canonical)): a leaf of RFC 6962 section 2.1 whose entry is the salted commitment.
fn leaf(salt: &[u8; 32], canonical: &[u8]) -> [u8; 32] {
    let commitment = sha256(&[salt, canonical]);
    sha256(&[&[0], &commitment])
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_domain::event::{Actor, Outcome};
    use chancery_domain::{EventId, TenantId, Timestamp};

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn every_bit_of_salt_and_event_counts() {
        let event = Event {
            id: EventId::from_bytes([1; 16]),
            tenant: TenantId::from_bytes([2; 16]),
            at: Timestamp::from_seconds(0),
            actor: Actor::System,
            act: "test".into(),
            outcome: Outcome::Done,
            request: None,
            detail: serde_json::Map::new(),
        };
        let record = Record::new(&event, &Fixed).unwrap();
        let (stored, leaf) = (record.to_bytes(), record.receipt().leaf);
        assert_eq!(Record::open(&stored, &leaf), Some(canonical(&event).unwrap().as_slice()));
        for bit in 0..stored.len() * 8 {
            let mut changed = stored.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::open(&changed, &leaf), None, "bit {bit}");
        }
        // Computed apart, by Python's hashlib: sha256(b"\0" + sha256(b"\x07"*32 + canonical).digest()).
        assert_eq!(hex(&leaf), "a8693b9f6f293e99aa5ba8f4f7c7c89d937c689327899f301daf1ffb346b7845");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}
