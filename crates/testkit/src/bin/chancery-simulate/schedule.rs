//! The schedule: one thread, many tasks, and the seed says which of those that are ready goes on.

use crate::sim::Sim;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A world that does not end in so many steps never will.
const STEPS: u32 = 3_000_000;

/// Whose task it is: those of a node's life end with it.
pub(crate) type Owner = Option<u32>;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Takes tasks, and ends those of an owner.
#[derive(Clone, Default)]
pub(crate) struct Spawner(Rc<RefCell<Asked>>);

#[derive(Default)]
struct Asked {
    new: Vec<(Owner, Task)>,
    ended: Vec<Owner>,
}

impl Spawner {
    pub(crate) fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().new.push((owner, Box::pin(task)));
    }

    /// Ends all tasks of this owner where they stand.
    pub(crate) fn end(&self, owner: Owner) {
        self.0.borrow_mut().ended.push(owner);
    }
}

#[derive(Default)]
struct Ready {
    tasks: Mutex<BTreeSet<u64>>,
    root: Mutex<Option<Waker>>,
}

struct Flag {
    task: u64,
    ready: Arc<Ready>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        locked(&self.ready.tasks).insert(self.task);
        if let Some(root) = &*locked(&self.ready.root) {
            root.wake_by_ref();
        }
    }
}

/// Runs `main` and all that it spawns until `main` ends; after each step `check` looks, and what it finds ends the run.
pub(crate) async fn run<T: 'static>(
    sim: &Sim,
    spawner: &Spawner,
    main: impl Future<Output = T> + 'static,
    mut check: impl FnMut() -> Result<(), String>,
) -> Result<T, String> {
    let result = Rc::new(RefCell::new(None));
    spawner.spawn(None, {
        let result = Rc::clone(&result);
        async move {
            let ended = main.await;
            *result.borrow_mut() = Some(ended);
        }
    });
    let ready = Arc::new(Ready::default());
    let mut tasks: BTreeMap<u64, (Owner, Task)> = BTreeMap::new();
    let (mut next, mut steps) = (0, 0);
    let root = poll_fn(move |context| {
        *locked(&ready.root) = Some(context.waker().clone());
        loop {
            let asked = std::mem::take(&mut *spawner.0.borrow_mut());
            for (owner, task) in asked.new {
                tasks.insert(next, (owner, task));
                locked(&ready.tasks).insert(next);
                next += 1;
            }
            tasks.retain(|_, (owner, _)| !asked.ended.contains(owner));
            if let Some(ended) = result.borrow_mut().take() {
                return Poll::Ready(Ok(ended));
            }
            let Some(chosen) = choose(&ready, sim) else { return Poll::Pending };
            let Some((_, task)) = tasks.get_mut(&chosen) else { continue };
            let waker = Waker::from(Arc::new(Flag { task: chosen, ready: Arc::clone(&ready) }));
            let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                tasks.remove(&chosen);
            }
            steps += 1;
            if steps > STEPS {
                return Poll::Ready(Err(format!("it does not end in {STEPS} steps")));
            }
            if let Err(found) = check() {
                return Poll::Ready(Err(found));
            }
        }
    });
    // The runtime's own fairness would otherwise end a turn after so many operations.
    tokio::task::unconstrained(root).await
}

fn choose(ready: &Ready, sim: &Sim) -> Option<u64> {
    let mut tasks = locked(&ready.tasks);
    let chosen = tasks.iter().nth(sim.below(tasks.len())).copied()?;
    tasks.remove(&chosen);
    Some(chosen)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
