//! The audit log as its tenant reads it.

use crate::places;
use crate::view::EventEntry;
use crate::{Caller, Chancery, Failure};
use chancery_domain::EventId;
use chancery_domain::action::EventRead;
use chancery_evidence::Record;
use chancery_store::Page;

impl Chancery {
    /// A page of events, newest first, each checked against its leaf hash.
    pub async fn events(&self, caller: &Caller, page: Page<EventId>) -> Result<Vec<EventEntry>, Failure> {
        self.permit::<EventRead>(caller).await?;
        let mut entries = Vec::new();
        for row in caller.realm.view.events(page).await? {
            let stored = caller.realm.open(&places::EVENT, row.id.as_bytes(), &row.body)?;
            let canonical = Record::open(&stored, &row.leaf)
                .ok_or_else(|| Failure::Internal(format!("event {} does not match its leaf hash: the log was changed", row.id)))?;
            let canonical = String::from_utf8(canonical.to_vec()).map_err(Failure::internal)?;
            entries.push(EventEntry { id: row.id, leaf: row.leaf, canonical, place: row.place.map(|place| (place.epoch, place.index)) });
        }
        Ok(entries)
    }
}
