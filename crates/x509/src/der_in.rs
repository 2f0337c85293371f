//! Reads DER value by value, strictly: definite lengths in their shortest form, nothing left over.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag};

/// Values that stand one after the other.
pub(crate) struct Values<'a>(SliceReader<'a>);

impl<'a> Values<'a> {
    /// Those in these bytes.
    pub(crate) fn of(content: &'a [u8]) -> Result<Self, der::Error> {
        Ok(Self(SliceReader::new(content)?))
    }
    /// Those inside of the one value with this tag that fills `der`.
    pub(crate) fn inside(tag: u8, der: &'a [u8]) -> Result<Self, der::Error> {
        let mut outside = Self::of(der)?;
        let content = outside.take(tag)?;
        outside.finish()?;
        Self::of(content)
    }
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
    /// Refuses what is left.
    pub(crate) fn finish(self) -> Result<(), der::Error> {
        self.0.finish()
    }
    /// The next value's tag.
    pub(crate) fn tag(&self) -> Option<u8> {
        self.0.peek_byte()
    }
    /// The next value with tag and length.
    pub(crate) fn whole(&mut self) -> Result<&'a [u8], der::Error> {
        let whole = self.0.tlv_bytes()?;
        AnyRef::from_der(whole)?;
        Ok(whole)
    }
    /// The next value with tag and length, whose tag is this one.
    pub(crate) fn whole_of(&mut self, tag: u8) -> Result<&'a [u8], der::Error> {
        if self.tag() == Some(tag) { self.whole() } else { Err(Tag::Sequence.value_error().into()) }
    }
    /// The content of the next value, whose tag is this one.
    pub(crate) fn take(&mut self, tag: u8) -> Result<&'a [u8], der::Error> {
        Ok(AnyRef::from_der(self.whole_of(tag)?)?.value())
    }
    /// The same, if the next value has this tag.
    pub(crate) fn take_if(&mut self, tag: u8) -> Result<Option<&'a [u8]>, der::Error> {
        if self.tag() == Some(tag) { self.take(tag).map(Some) } else { Ok(None) }
    }
    /// What `der` itself reads.
    pub(crate) fn read<T: Decode<'a>>(&mut self) -> Result<T, T::Error> {
        T::decode(&mut self.0)
    }
}
