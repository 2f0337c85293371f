//! Turns at what takes a good part of a second of a core: each tenant waits behind its own, and tenants take turns (I11).

use crate::Failure;
use chancery_domain::{TenantId, enforced};
use chancery_store::Shares;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many of a tenant may wait for each core: the last of them still has its turn before its request ends.
const QUEUE: usize = 8;

/// The cores for long computations.
pub(crate) struct Turns {
    cores: Arc<Semaphore>,
    shares: Shares,
    longest: usize,
}

impl Turns {
    /// Half of the cores: the others remain for what takes microseconds.
    pub(crate) fn of_this_machine() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)))
    }

    fn of(cores: usize) -> Self {
        // A tenant alone has all cores, and none of its others stands in the queue of all: who comes next is behind one of it.
        let places = if enforced!("turn.cores") { cores } else { Semaphore::MAX_PERMITS };
        Self { cores: Arc::new(Semaphore::new(places)), shares: Shares::of_each(cores), longest: cores * QUEUE }
    }

    /// Computes on a thread of its own when the tenant's turn comes.
    ///
    /// # Errors
    /// [`Failure::Crowded`] at once, if too many of the tenant wait; what `compute` fails with.
    pub(crate) async fn take<T: Send + 'static>(
        &self,
        tenant: TenantId,
        compute: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let longest = if enforced!("turn.queue") { self.longest } else { usize::MAX };
        let place = self.shares.place_in_queue(tenant, longest).await.ok_or(Failure::Crowded)?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(Failure::internal)?;
        let work = move || {
            // Whoever gives up waiting does not stop the thread, so place and core are the computation's and not the request's.
            let _held = (place, core);
            compute()
        };
        tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    const ONE: TenantId = TenantId::from_bytes([1; 16]);
    const TWO: TenantId = TenantId::from_bytes([2; 16]);

    /// Takes a turn in a task; what it sends is sent when it runs, and it runs until told to end.
    fn taken(
        turns: &Arc<Turns>,
        tenant: TenantId,
        name: &'static str,
        says: &mpsc::Sender<&'static str>,
    ) -> (tokio::task::JoinHandle<Result<(), Failure>>, mpsc::Sender<()>) {
        let ((end, ended), turns, says) = (mpsc::channel(), Arc::clone(turns), says.clone());
        let work = move || {
            let _ = says.send(name);
            let _ = ended.recv();
            Ok(())
        };
        (tokio::spawn(async move { turns.take(tenant, work).await }), end)
    }

    async fn settled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_core_to_what_runs_on_it() {
        let (turns, (says, said)) = (Arc::new(Turns::of(1)), mpsc::channel());
        let (first, end) = taken(&turns, ONE, "first", &says);
        settled().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let (second, _) = taken(&turns, TWO, "second", &says);
        settled().await;
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["first"], "it still runs");
        end.send(()).unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["second"]);
    }

    #[tokio::test]
    async fn tenants_take_turns_and_a_long_queue_is_told_at_once() {
        let (turns, (says, said)) = (Arc::new(Turns::of(1)), mpsc::channel());
        let mut flood = Vec::new();
        for _ in 0..=QUEUE {
            flood.push(taken(&turns, ONE, "flood", &says));
            settled().await;
        }
        let refused = tokio::time::timeout(Duration::from_secs(5), turns.take(ONE, || Ok(()))).await.expect("told at once");
        assert!(matches!(refused, Err(Failure::Crowded)), "{refused:?}");
        let (quiet, _) = taken(&turns, TWO, "quiet", &says);
        settled().await;
        for (task, end) in flood {
            drop(end);
            task.await.unwrap().unwrap();
        }
        quiet.await.unwrap().unwrap();
        let order: Vec<_> = said.try_iter().collect();
        assert_eq!((order[0], order[1], order.len()), ("flood", "quiet", QUEUE + 2), "{order:?}");
    }
}
