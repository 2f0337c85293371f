//! Example rows.

use chancery_domain::{AccountId, EventId, Sealed, Timestamp};
use chancery_store::{EventRow, IdempotencyRow};

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(crate) fn sealed() -> Sealed {
    Sealed::from_ciphertext(vec![7; 40])
}

/// 16 bytes that order like the number.
pub(crate) fn bytes(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

pub(crate) fn event(number: u32) -> EventRow {
    EventRow { id: EventId::from_bytes(bytes(number)), body: sealed(), leaf: [1; 32] }
}

pub(crate) fn idempotency(principal: u32, event: u32) -> IdempotencyRow {
    IdempotencyRow {
        principal: AccountId::from_bytes(bytes(principal)),
        key: [2; 32],
        body: [3; 32],
        subject: bytes(event),
        event: EventId::from_bytes(bytes(event)),
        created_at: now(),
    }
}
