//! Associated data: an unambiguous encoding of what a ciphertext is bound to (I6).

use chancery_domain::enforced;

/// Parts, each preceded by its length as 8 bytes, so that no two lists of parts encode alike. The first part names the
/// use, so that a ciphertext of one use never opens as another.
pub(crate) struct Aad {
    usage: &'static str,
    encoded: Vec<u8>,
}

impl Aad {
    /// For this use; what is bound to it follows, each field with a name of its own.
    pub(crate) fn new(usage: &'static str) -> Self {
        Self { usage, encoded: Vec::with_capacity(192) }.bytes("usage", usage.as_bytes())
    }
    pub(crate) fn bytes(mut self, field: &'static str, part: &[u8]) -> Self {
        if enforced!("aad", self.usage, field) {
            self.encoded.extend_from_slice(&(part.len() as u64).to_be_bytes());
            self.encoded.extend_from_slice(part);
        }
        self
    }
    pub(crate) fn text(self, field: &'static str, part: &str) -> Self {
        self.bytes(field, part.as_bytes())
    }
    pub(crate) fn number(self, field: &'static str, part: u32) -> Self {
        self.bytes(field, &part.to_be_bytes())
    }
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.encoded
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What these parts encode to, written by hand.
    pub(crate) fn encoded(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes()[..], part].concat()).collect()
    }

    #[test]
    fn a_moved_boundary_encodes_differently() {
        let one = Aad::new("u").text("a", "ab").text("b", "c");
        let other = Aad::new("u").text("a", "a").text("b", "bc");
        assert_ne!(one.as_slice(), other.as_slice());
        assert_ne!(Aad::new("u").text("a", "").as_slice(), Aad::new("u").as_slice());
    }
}
