//! Associated data: an unambiguous encoding of what a ciphertext is bound to (I6).

/// Parts, each preceded by its length as 8 bytes, so that no two lists of parts encode alike. The first part names the
/// use, so that a ciphertext of one use never opens as another.
pub(crate) struct Aad(Vec<u8>);

impl Aad {
    pub(crate) fn new(usage: &str) -> Self {
        Self(Vec::with_capacity(192)).bytes(usage.as_bytes())
    }
    pub(crate) fn bytes(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }
    pub(crate) fn text(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }
    pub(crate) fn number(self, part: u32) -> Self {
        self.bytes(&part.to_be_bytes())
    }
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_boundary_encodes_differently() {
        let one = Aad::new("u").text("ab").text("c");
        let other = Aad::new("u").text("a").text("bc");
        assert_ne!(one.as_slice(), other.as_slice());
        assert_ne!(Aad::new("u").text("").as_slice(), Aad::new("u").as_slice());
    }
}
