//! `TimeStampResp` (RFC 3161 section 2.4.2): granted with a token, or rejected with a reason.

use crate::der_in::Values;
use crate::der_out::{BIT_STRING, DerOut, SEQUENCE, UTF8_STRING};
use crate::problem::Problem;

/// Why no timestamp is given (`PKIFailureInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// badAlg: a hash that is not believed.
    BadAlgorithm,
    /// badRequest: another version, or too long.
    BadRequest,
    /// badDataFormat: not DER, or a digest of the wrong length.
    BadDataFormat,
    /// timeNotAvailable: the clock is not to be trusted.
    TimeNotAvailable,
    /// unacceptedPolicy.
    UnacceptedPolicy,
    /// unacceptedExtension.
    UnacceptedExtension,
    /// systemFailure.
    SystemFailure,
}

impl Failure {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::BadAlgorithm,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::SystemFailure,
    ];

    const fn bit(self) -> usize {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::SystemFailure => 25,
        }
    }
    /// The name in RFC 3161.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadAlgorithm => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::SystemFailure => "systemFailure",
        }
    }
}

/// The response that grants this token.
pub fn granted(token_der: &[u8]) -> Vec<u8> {
    DerOut::document(token_der.len() + 16, |out| {
        out.nested(SEQUENCE, |out| {
            out.nested(SEQUENCE, |out| out.unsigned(0));
            out.raw(token_der);
        });
    })
}

/// The response that rejects, with a reason for programs and words for people.
pub fn rejected(failure: Failure, words: &str) -> Vec<u8> {
    let bit = failure.bit();
    let mut bits = vec![0; bit / 8 + 1];
    if let Some(last) = bits.last_mut() {
        *last = 0x80_u8 >> (bit % 8);
    }
    let unused = u8::try_from(7 - bit % 8).unwrap_or_default();
    DerOut::document(64 + words.len(), |out| {
        out.nested(SEQUENCE, |out| {
            out.nested(SEQUENCE, |out| {
                out.unsigned(2);
                out.nested(SEQUENCE, |out| out.value(UTF8_STRING, words.as_bytes()));
                out.value(BIT_STRING, &[&[unused], bits.as_slice()].concat());
            });
        });
    })
}

/// The token of a response that grants one.
///
/// # Errors
/// A [`Problem`]: `timestamp.rejected` with what the authority says, `form` if it is no response.
pub fn token_of(response_der: &[u8]) -> Result<&[u8], Problem> {
    let form = |error: der::Error| Problem::new("form", format!("not a TimeStampResp in DER: {error}"));
    let mut fields = Values::inside(SEQUENCE, response_der).map_err(form)?;
    let mut status = fields.take(SEQUENCE).and_then(Values::of).map_err(form)?;
    // 0 is granted, 1 granted with changes: what changed is found when the token is verified.
    let number: u8 = status.read().map_err(form)?;
    if number > 1 {
        let words = status.take_if(SEQUENCE).ok().flatten().map(String::from_utf8_lossy);
        let words = words.map(|words| words.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(200).collect::<String>());
        let bits = status.take_if(BIT_STRING).ok().flatten().unwrap_or_default();
        let said = |failure: &&Failure| bits.get(1 + failure.bit() / 8).is_some_and(|octet| octet & (0x80 >> (failure.bit() % 8)) != 0);
        let reasons: Vec<_> = Failure::ALL.iter().filter(said).map(|failure| failure.as_str()).collect();
        let message = format!("the authority refused with status {number} {} {}", reasons.join(", "), words.unwrap_or_default());
        return Err(Problem::new("timestamp.rejected", message));
    }
    let token = fields.whole_of(SEQUENCE).map_err(form)?;
    fields.finish().map_err(form)?;
    Ok(token)
}
