//! Write-sets that only add, as few statements: what each of them inserts into a table goes in as one statement with its columns
//! as arrays, and what they count is counted once.
//!
//! Only for sets of which none can change what another was decided on: inserts, guards that find a row, and counters. If
//! anything in it is refused, nothing of it is kept, and which set it was shows when they are committed one after the other.

use super::text::Form;
use crate::counter::COUNT_UP;
use crate::engine::Step;
use crate::statement::Statement;
use crate::value::Value;

/// The end of the one insert that may find its row there and changes nothing of it.
const HELD: &str = "DO UPDATE SET attempts = job.attempts";

/// A statement for many sets.
pub(super) enum Merged<'a> {
    /// A guard, as it is.
    Found(&'a Step),
    /// A counter, by the sum.
    Counted(Statement),
    /// Rows of one table.
    Rows {
        /// One of the inserts.
        like: &'a Step,
        /// The values of all, by column.
        columns: Vec<Vec<&'a Value>>,
    },
}

/// The same as fewer statements; `None` if a set does anything besides adding.
pub(super) fn merged<'a>(sets: &[&'a [Step]]) -> Option<Vec<Merged<'a>>> {
    let (mut guards, mut counters, mut rows) =
        (Vec::<&Step>::new(), Vec::<(&[Value], i64)>::new(), Vec::<(&Step, Vec<Vec<&Value>>)>::new());
    for step in sets.iter().copied().flatten() {
        let (sql, values) = (step.statement.sql(), step.statement.values());
        match Form::from(step.expect) {
            Form::OneFound => {
                if !guards.iter().any(|known| known.statement.sql() == sql && known.statement.values() == values) {
                    guards.push(step);
                }
            }
            _ if sql == COUNT_UP => {
                let (Value::Int(by), of) = values.split_last()? else { return None };
                match counters.iter_mut().find(|(known, _)| *known == of) {
                    Some((_, sum)) => *sum = sum.checked_add(*by)?,
                    None => counters.push((of, *by)),
                }
            }
            form => {
                Insert::read(sql, form == Form::OneChanged)?;
                let at = rows.iter().position(|(known, _)| known.statement.sql() == sql).unwrap_or_else(|| {
                    rows.push((step, vec![Vec::new(); values.len()]));
                    rows.len() - 1
                });
                let (_, columns) = rows.get_mut(at)?;
                // The same job twice is one; a statement may not meet a row of its own.
                let known = |row: usize| columns.iter().zip(values).all(|(column, value)| column.get(row) == Some(&value));
                if sql.ends_with(HELD) && (0..columns.first().map_or(0, Vec::len)).any(known) {
                    continue;
                }
                columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            }
        }
    }
    let guards = guards.into_iter().map(Merged::Found);
    let summed = |(of, by): (&[Value], i64)| Statement::new(COUNT_UP, [of, &[Value::Int(by)]].concat());
    let counters = counters.into_iter().map(|counter| Merged::Counted(summed(counter)));
    let rows = rows.into_iter().map(|(like, columns)| Merged::Rows { like, columns });
    Some(guards.chain(counters).chain(rows).collect())
}

/// An insert of one row, taken apart.
struct Insert<'a> {
    /// `INSERT INTO table (columns)`
    head: &'a str,
    /// What stands in the row: places and constants.
    row: &'a str,
    /// What follows.
    tail: &'a str,
}

impl<'a> Insert<'a> {
    /// Of a guarded one that does nothing on a conflict only the conflict is left, which fails the whole.
    fn read(sql: &'a str, guarded: bool) -> Option<Self> {
        let (head, rest) = sql.split_once(" VALUES (").or_else(|| sql.split_once("VALUES ("))?;
        let (row, tail) = rest.split_once(')')?;
        let plain = head.starts_with("INSERT INTO") && !row.contains('(') && !tail.contains('?');
        let tail = match (guarded, tail.trim()) {
            (true, "ON CONFLICT DO NOTHING") => "",
            (false, tail) if tail.is_empty() || tail == "ON CONFLICT DO NOTHING" || tail.ends_with(HELD) => tail,
            _ => return None,
        };
        plain.then_some(Self { head, row, tail })
    }
}

/// The insert of many rows for that of one, with a place for each column's array; `types` are those of the one row's places.
pub(super) fn of_many(sql: &str, guarded: bool, types: &[&str]) -> Option<String> {
    let Insert { head, row, tail } = Insert::read(sql, guarded)?;
    let row = row.replace('?', "u.c");
    let numbered = || types.iter().zip(1..);
    let arrays: Vec<_> = numbered().map(|(name, at)| format!("${at}::{name}[]")).collect();
    let names: Vec<_> = numbered().map(|(_, at)| format!("c{at}")).collect();
    Some(format!("{head} SELECT {row} FROM unnest({}) AS u({}) {tail}", arrays.join(", "), names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Guard;
    use crate::statement::sql;

    fn add(guarded: bool, id: i64) -> Step {
        let statement = sql!("INSERT INTO a (x, y) VALUES (?1, 0) ON CONFLICT DO NOTHING", id);
        if guarded { Step::changed(Guard::Unique("a"), statement) } else { Step::plain(statement) }
    }

    fn count(by: i64) -> Step {
        Step::changed(Guard::Limit("n"), sql!(COUNT_UP, &[1; 16], "n", by))
    }

    fn found(version: i64) -> Step {
        Step::found(Guard::Epoch, sql!("SELECT 1 FROM b WHERE x = ?1", version))
    }

    #[test]
    fn what_only_adds_becomes_one_statement_a_table() {
        let sets = [[found(1), count(1), add(true, 1)], [found(1), count(2), add(true, 2)], [found(2), count(1), add(true, 3)]];
        let merged = merged(&sets.each_ref().map(<[Step; 3]>::as_slice)).unwrap();
        let [Merged::Found(first), Merged::Found(second), Merged::Counted(counted), Merged::Rows { columns, .. }] = merged.as_slice()
        else {
            panic!("{} statements", merged.len())
        };
        assert!(first.statement.values() == [Value::Int(1)] && second.statement.values() == [Value::Int(2)], "each guard once");
        assert!(counted.values() == [Value::from(&[1; 16]), Value::from("n"), Value::Int(4)]);
        assert!(*columns == [vec![&Value::Int(1), &Value::Int(2), &Value::Int(3)]]);
    }

    #[test]
    fn what_changes_or_removes_is_left_alone() {
        let widened = "INSERT INTO a (x) VALUES (?1) ON CONFLICT (x) DO UPDATE SET y = 1";
        for sql in ["UPDATE a SET x = ?1", "DELETE FROM a WHERE x = ?1", "INSERT INTO a (x) VALUES (lower(?1))", widened] {
            let step = Step::plain(sql!(sql, 1_i64));
            assert!(merged(&[&[step]]).is_none(), "{sql}");
        }
    }

    #[test]
    fn the_same_job_twice_is_one() {
        let job =
            |at: i64| Step::plain(sql!("INSERT INTO job (at) VALUES (?1) ON CONFLICT (at) DO UPDATE SET attempts = job.attempts", at));
        let sets = [[job(1)], [job(2)], [job(1)]];
        let merged = merged(&sets.each_ref().map(<[Step; 1]>::as_slice)).unwrap();
        let [Merged::Rows { columns, .. }] = merged.as_slice() else { panic!("{} statements", merged.len()) };
        assert!(*columns == [vec![&Value::Int(1), &Value::Int(2)]]);
    }

    #[test]
    fn rows_come_from_arrays() {
        let text = "INSERT INTO a (x, y, z) VALUES (?1, 0, ?2) ON CONFLICT DO NOTHING";
        let many = "INSERT INTO a (x, y, z) SELECT u.c1, 0, u.c2 FROM unnest($1::int8[], $2::bytea[]) AS u(c1, c2) ";
        assert_eq!(of_many(text, true, &["int8", "bytea"]).unwrap(), many, "a conflict fails");
        assert_eq!(of_many(text, false, &["int8", "bytea"]).unwrap(), format!("{many}ON CONFLICT DO NOTHING"));
        assert_eq!(of_many("INSERT INTO a (x) VALUES (?1) ON CONFLICT (x) DO UPDATE SET x = a.x", true, &["int8"]), None);
    }
}
