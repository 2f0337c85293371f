//! One round trip: everything from BEGIN to COMMIT is sent before the first answer is awaited.

use super::committer::Opened;
use super::error::{is_guard, is_read_only, is_transient, store_error};
use super::merge::{Merged, merged, of_many};
use super::pool::{Lease, Pool};
use super::text::Form;
use super::value;
use crate::StoreError;
use crate::engine::{Expect, Step};
use crate::statement::Statement;
use crate::value::{Row, Value};
use crate::{CommitError, Guard};
use chancery_domain::{TenantId, broken, enforced, kill_point};
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Error;
use tokio_postgres::types::{BorrowToSql, Type};

/// Where the whole round trip gives up; the server gives up before (see `expect_in_time`).
const DEADLINE: Duration = Duration::from_secs(15);
/// For so long is tried again what failed because of what ran beside it.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// For this transaction alone: it must not be there for whoever uses the connection next (THREATS 6).
const SET_TENANT: &str = "SELECT set_config('chancery.tenant', $1, true)";
/// The end of every write-set: it is in time, and in the database that was opened, not in one that was restored in its place. A restore
/// lets nobody write before it has said that it was.
const LAST: &str = "SELECT platform.expect_in_time(), platform.expect_one(
     (coalesce((SELECT value FROM platform.setting WHERE name = 'incarnation'), '') = $1)::INT)";

/// Runs the queries in one snapshot of the tenant's data.
pub(super) async fn read(pool: &Pool, tenant: TenantId, queries: &[Statement]) -> Result<Vec<Vec<Row>>, StoreError> {
    let asks: Vec<_> = queries.iter().map(|query| Ask::Row(query, Form::Plain)).collect();
    // A single query is a snapshot by itself.
    let begin = if queries.len() > 1 { "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" } else { "BEGIN READ ONLY" };
    let _place = pool.share(tenant).await?; // I11
    let results = within_deadline(transact(pool, tenant, begin, &asks, None)).await?;
    results.map_err(|failure| store_error(&failure.error))?.iter().map(|rows| rows.iter().map(value::row).collect()).collect()
}

/// Why a batch of write-sets was not kept.
pub(super) enum Refusal {
    /// This set's guard did not hold.
    Guard { set: usize, guard: Guard },
    /// This set was refused.
    Set { set: usize, error: StoreError },
    /// The whole failed.
    All(StoreError),
}

/// Commits the write-sets together, or nothing of them.
pub(super) async fn commit(at: &Opened, tenant: TenantId, sets: &[&[Step]]) -> Result<(), Refusal> {
    kill_point!("postgres.commit.begin");
    // Nearly always every set stands, and most only add.
    let start = Instant::now();
    if sets.len() < 2 || !together(at, tenant, sets).await? {
        one_after_the_other(at, tenant, sets, start).await?;
    }
    kill_point!("postgres.commit.after");
    Ok(())
}

/// Commits sets that only add as few statements; false if one of them was refused, and nothing was done.
async fn together(at: &Opened, tenant: TenantId, sets: &[&[Step]]) -> Result<bool, Refusal> {
    let Some(merged) = merged(sets) else { return Ok(false) };
    let asks: Vec<_> = merged.iter().map(Ask::from).collect();
    match within_deadline(transact(&at.pool, tenant, "BEGIN", &asks, Some(&at.incarnation))).await.map_err(Refusal::All)? {
        Ok(_) => Ok(true),
        Err(failure) if failure.step.is_some() || is_transient(&failure.error) => Ok(false),
        // What COMMIT itself is answered with says nothing of what was kept.
        Err(failure) => Err(Refusal::All(failure.store_error())),
    }
}

/// The time for it began with the whole commit, which must be over before a lane trusts it to be.
async fn one_after_the_other(at: &Opened, tenant: TenantId, sets: &[&[Step]], start: Instant) -> Result<(), Refusal> {
    let asks: Vec<_> = sets.iter().copied().flatten().map(|step| Ask::Row(&step.statement, Form::from(step.expect))).collect();
    while start.elapsed() < TRY_AGAIN {
        match within_deadline(transact(&at.pool, tenant, "BEGIN", &asks, Some(&at.incarnation))).await.map_err(Refusal::All)? {
            Ok(_) => return Ok(()),
            Err(failure) if is_transient(&failure.error) => {}
            Err(failure) => return Err(refusal(sets, &failure)),
        }
    }
    Err(Refusal::All(StoreError::Unavailable("other transactions were always first".to_owned())))
}

fn refusal(sets: &[&[Step]], failure: &Failure) -> Refusal {
    let error = failure.store_error();
    let places = sets.iter().enumerate().flat_map(|(set, steps)| steps.iter().map(move |step| (set, step.expect)));
    match failure.step.and_then(|step| places.into_iter().nth(step)) {
        Some((set, Expect::OneChanged(guard) | Expect::OneFound(guard))) if is_guard(&failure.error) => Refusal::Guard { set, guard },
        Some((set, _)) if matches!(error, StoreError::Statement(_)) => Refusal::Set { set, error },
        _ => Refusal::All(error),
    }
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Guard { guard, .. } => Self::Guard(guard),
            Refusal::Set { error, .. } | Refusal::All(error) => Self::Store(error),
        }
    }
}

/// What is asked of the server.
enum Ask<'a> {
    /// A statement with its values.
    Row(&'a Statement, Form),
    /// An insert like this one of many rows, by column.
    Rows(&'a Step, &'a [Vec<&'a Value>]),
}

impl<'a> From<&'a Merged<'a>> for Ask<'a> {
    fn from(merged: &'a Merged<'a>) -> Self {
        match merged {
            Merged::Found(step) => Self::Row(&step.statement, Form::from(step.expect)),
            Merged::Counted(statement) => Self::Row(statement, Form::OneChanged),
            Merged::Rows { like, columns } => Self::Rows(like, columns),
        }
    }
}

impl Ask<'_> {
    async fn prepared(&self, pool: &Pool, lease: &Lease) -> Result<tokio_postgres::Statement, StoreError> {
        let text = match self {
            Self::Row(statement, form) => pool.texts.rewritten(statement.sql(), *form),
            Self::Rows(like, _) => {
                let (sql, guarded) = (like.statement.sql(), Form::from(like.expect) == Form::OneChanged);
                match pool.texts.known(sql, Form::Many(guarded)) {
                    Some(text) => text,
                    None => {
                        let one = prepared(lease, &pool.texts.rewritten(sql, Form::Plain)).await?;
                        let types: Vec<_> = one.params().iter().map(Type::name).collect();
                        let many =
                            of_many(sql, guarded, &types).ok_or(StoreError::Malformed("an insert cannot be made one of many rows"))?;
                        pool.texts.keep(sql, Form::Many(guarded), many)
                    }
                }
            }
        };
        prepared(lease, &text).await
    }

    async fn query(&self, client: &tokio_postgres::Client, statement: &tokio_postgres::Statement) -> Result<Rows, Error> {
        match self {
            Self::Row(of, _) => query(client, statement, of.values()).await,
            Self::Rows(_, columns) => query(client, statement, *columns).await,
        }
    }
}

/// The first thing that failed in a transaction, and which step it was, if it was one.
struct Failure {
    step: Option<usize>,
    error: Error,
}

impl Failure {
    fn store_error(&self) -> StoreError {
        // The one guard that is no step's: see `LAST`.
        if self.step.is_none() && is_guard(&self.error) { StoreError::ReadOnly } else { store_error(&self.error) }
    }
}

type Rows = Vec<tokio_postgres::Row>;

async fn within_deadline<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable("the database took too long".to_owned());
    tokio::time::timeout(DEADLINE, work).await.map_err(late)?
}

/// BEGIN, the tenant, the steps, COMMIT; before it [`LAST`] if it writes, into the database of this incarnation. The outer error says that nothing is known of the outcome.
async fn transact(
    pool: &Pool,
    tenant: TenantId,
    begin: &str,
    asks: &[Ask<'_>],
    incarnation: Option<&Vec<u8>>,
) -> Result<Result<Vec<Rows>, Failure>, StoreError> {
    let lease = pool.lease().await?;
    let client: &tokio_postgres::Client = &lease;
    let set_tenant = if enforced!("setting.local") { SET_TENANT } else { "SELECT set_config('chancery.tenant', $1, false)" };
    let set_tenant = prepared(&lease, set_tenant).await?;
    let mut statements = Vec::with_capacity(asks.len());
    for ask in asks {
        statements.push(ask.prepared(pool, &lease).await?);
    }
    let last = match incarnation.filter(|_| enforced!("commit.incarnation")) {
        Some(incarnation) => Some((prepared(&lease, LAST).await?, Value::from(incarnation.as_slice()))),
        None => None,
    };
    let named = if enforced!("setting.tenant") { hex(tenant) } else { String::new() };
    let tenant = Value::Text(named);

    let mut requests: Vec<Request<'_>> = Vec::with_capacity(asks.len() + 4);
    requests.push(Request::Asked(Box::pin(async move { client.batch_execute(begin).await.map(|()| Rows::new()) })));
    requests.push(Request::Asked(Box::pin(query(client, &set_tenant, [&tenant]))));
    for (ask, statement) in asks.iter().zip(&statements) {
        requests.push(Request::Asked(Box::pin(ask.query(client, statement))));
    }
    if let Some((statement, incarnation)) = &last {
        requests.push(Request::Asked(Box::pin(query(client, statement, [incarnation]))));
    }
    // A crash before the server has done this leaves nothing, one after it the whole (I4).
    let commits = incarnation.is_some();
    let late = commits && broken!("postgres.answer-before-commit") && certifies(asks);
    if !late {
        requests.push(Request::Asked(Box::pin(async move {
            if commits {
                kill_point!("postgres.commit.before");
            }
            client.batch_execute("COMMIT").await.map(|()| Rows::new())
        })));
    }

    let asked = requests.len();
    let answers = in_order(requests).await;
    // COMMIT was never sent, and the connection ends with the lease.
    let cut_short = answers.len() < asked;
    let connected = answers.iter().all(|answer| answer.as_ref().err().is_none_or(|error| error.as_db_error().is_some()));
    let Some(commit) = answers.last() else { return Err(StoreError::Unavailable("no answer".to_owned())) };
    // The next one is another session, for one that may only read stays so: its server was demoted, or its role's settings were changed.
    let read_only = answers.iter().any(|answer| answer.as_ref().err().is_some_and(is_read_only)) && enforced!("connection.read-only");
    if late && commit.is_ok() {
        tokio::spawn(end_late(lease));
    } else if !cut_short && connected && commit.is_ok() && !read_only || !enforced!("connection.in-doubt") {
        lease.give_back();
    }
    let mut results = Vec::with_capacity(asks.len());
    for (place, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(rows) => results.push(rows),
            Err(error) if error.as_db_error().is_none() && cut_short && !error.is_closed() => {
                return Err(StoreError::Statement(error.to_string()));
            }
            Err(error) if error.as_db_error().is_none() => return Err(store_error(&error)),
            Err(error) => return Ok(Err(Failure { step: place.checked_sub(2).filter(|step| *step < asks.len()), error })),
        }
    }
    Ok(Ok(results.drain(2..).take(asks.len()).collect()))
}

/// The fault is turned on for what issues: that reads nothing back, as a tenant in the making does.
fn certifies(asks: &[Ask<'_>]) -> bool {
    let sql = |ask: &Ask<'_>| match ask {
        Ask::Row(statement, _) => statement.sql(),
        Ask::Rows(like, _) => like.statement.sql(),
    };
    asks.iter().any(|ask| sql(ask).contains("INTO certificate_order"))
}

/// The fault: the answer goes out, and COMMIT follows as late as on a disk.
async fn end_late(lease: Lease) {
    tokio::time::sleep(Duration::from_millis(20)).await;
    // no kill point: nothing but a fault that a test turns on comes here
    if lease.batch_execute("COMMIT").await.is_ok() {
        lease.give_back();
    }
}

async fn prepared(lease: &Lease, sql: &str) -> Result<tokio_postgres::Statement, StoreError> {
    lease.prepare_cached(sql).await.map_err(|error| store_error(&error))
}

async fn query<V: BorrowToSql>(
    client: &tokio_postgres::Client,
    statement: &tokio_postgres::Statement,
    values: impl IntoIterator<Item = V, IntoIter: ExactSizeIterator>,
) -> Result<Rows, Error> {
    let rows = client.query_raw(statement, values).await?;
    futures_util::TryStreamExt::try_collect(rows).await
}

/// A request that was made, or its answer.
enum Request<'a> {
    Asked(Pin<Box<dyn Future<Output = Result<Rows, Error>> + Send + 'a>>),
    Answered(Option<Result<Rows, Error>>),
}

/// Makes the requests in this order (the driver sends one when it is first polled), then takes the answers as they come.
/// One that the driver refuses to send is the last: COMMIT must not follow a step that was left out (I4).
async fn in_order(mut requests: Vec<Request<'_>>) -> Vec<Result<Rows, Error>> {
    let mut answered = 0;
    let mut asked = false;
    std::future::poll_fn(move |cx| {
        // The answers come in order too, so after the first round only the next one is worth a look.
        let mut refused = None;
        for (place, request) in requests.iter_mut().enumerate().skip(answered) {
            if let Request::Asked(future) = request {
                match future.as_mut().poll(cx) {
                    Poll::Ready(answer) => {
                        refused = (!asked && answer.is_err()).then_some(place);
                        *request = Request::Answered(Some(answer));
                    }
                    Poll::Pending if asked => break,
                    Poll::Pending => {}
                }
            }
            if refused.is_some() {
                break;
            }
        }
        if let Some(place) = refused.filter(|_| enforced!("commit.refused")) {
            requests.truncate(place + 1);
        }
        asked = true;
        answered = requests.iter().position(|request| matches!(request, Request::Asked(_))).unwrap_or(requests.len());
        if answered < requests.len() {
            return Poll::Pending;
        }
        Poll::Ready(requests.iter_mut().filter_map(Request::take).collect())
    })
    .await
}

impl Request<'_> {
    fn take(&mut self) -> Option<Result<Rows, Error>> {
        match self {
            Self::Asked(_) => None,
            Self::Answered(answer) => answer.take(),
        }
    }
}

fn hex(tenant: TenantId) -> String {
    tenant.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        "no=such".parse::<tokio_postgres::Config>().unwrap_err()
    }

    #[tokio::test]
    async fn nothing_is_sent_after_a_request_that_could_not_be() {
        let waits = || {
            Request::Asked(Box::pin(async {
                tokio::task::yield_now().await;
                Ok(Rows::new())
            }))
        };
        let refused = Request::Asked(Box::pin(async { Err(error()) }));
        let commit = Request::Asked(Box::pin(async { panic!("COMMIT was sent") }));
        let answers = in_order(vec![waits(), waits(), refused, commit]).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    }

    #[tokio::test]
    async fn answers_come_in_order_and_later_errors_cut_nothing() {
        let fails = Request::Asked(Box::pin(async {
            tokio::task::yield_now().await;
            Err(error())
        }));
        let waits = || {
            Request::Asked(Box::pin(async {
                tokio::task::yield_now().await;
                Ok(Rows::new())
            }))
        };
        let answers = in_order(vec![waits(), fails, waits()]).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }
}
