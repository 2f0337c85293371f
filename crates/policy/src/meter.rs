//! What an evaluation may cost. It is measured in processor time of the evaluating thread, so that a busy machine refuses nobody; what
//! the interpreter does not notice in the midst of one step is given up from outside.

use chancery_domain::enforced;
use regorus::utils::limits::{ExecutionTimerConfig, TimeSource, set_fallback_execution_timer_config, set_time_source};
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};
use std::num::NonZeroU32;
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Processor time of one evaluation.
pub(crate) const LIMIT: Duration = Duration::from_millis(50);
/// After so long, by the clock, it is given up.
pub(crate) const GIVEN_UP: Duration = Duration::from_secs(2);
/// The interpreter and the parser are recursive; intake bounds how deep they go.
const STACK: usize = 32 << 20;
/// Steps between two looks at the meter.
const STEPS: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// The priority of what was given up: whatever else wants to run goes first.
const LAST: i32 = 19;

struct ProcessorTime;

impl TimeSource for ProcessorTime {
    fn now(&self) -> Option<Duration> {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        Some(Duration::new(spent.tv_sec.try_into().ok()?, spent.tv_nsec.try_into().ok()?))
    }
}

/// Sets what the interpreter measures, once in a process.
pub(crate) fn set() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        // It fails only where it was set before, and nothing else of this process does.
        let _ = set_time_source(&ProcessorTime);
        if enforced!("policy.time") {
            set_fallback_execution_timer_config(Some(ExecutionTimerConfig { limit: LIMIT, check_interval: STEPS }));
        }
    });
}

/// Does the work in a thread of its own with room for its depth; `None` if it does not end, or ends the thread. A thread that does not
/// end cannot be ended: it goes on with what processor time nobody else wants, and whoever called must not begin this work again.
pub(crate) fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = sync_channel(1);
    let (name, named) = sync_channel(1);
    let thread = std::thread::Builder::new().name("policy".to_owned()).stack_size(STACK).spawn(move || {
        let _ = name.send(gettid());
        // Nobody waits for it any more only if it was given up.
        let _ = done.send(work());
    });
    thread.ok()?;
    match result.recv_timeout(GIVEN_UP) {
        Ok(result) => Some(result),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            if let Ok(thread) = named.try_recv() {
                // On Linux a thread has a priority of its own.
                let _ = setpriority_process(Some(thread), LAST);
            }
            None
        }
    }
}
