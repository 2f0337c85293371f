//! What a benchmark says: ratios against a limit, rates, and a table of where the time goes.

use anyhow::Result;
use serde_json::{Map, Value, json};

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    ratios: Map<String, Value>,
    rates: Map<String, Value>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self { bench, ..Self::default() }
    }
    /// A ratio, with what it is of and what it should reach.
    pub(crate) fn ratio(&mut self, name: &str, value: f64, goal: f64, of: &str, lower_is_better: bool) {
        let rounded = (value * 1000.0).round() / 1000.0;
        self.ratios.insert(name.to_owned(), json!({"value": rounded, "goal": goal, "of": of, "lower_is_better": lower_is_better}));
    }
    /// A figure in its own unit; machines differ, so it is no goal.
    pub(crate) fn rate(&mut self, name: &str, value: f64) {
        self.rates.insert(name.to_owned(), json!((value * 10.0).round() / 10.0));
    }
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
    pub(crate) fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            let object = json!({"bench": self.bench, "ratios": self.ratios, "rates": self.rates, "notes": self.notes});
            println!("{}", serde_json::to_string_pretty(&object)?);
            return Ok(());
        }
        println!("{:<28} {:>8} {:>8}  of", "ratio", "value", "goal");
        for (name, ratio) in &self.ratios {
            let number = |key: &str| ratio.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
            let of = ratio.get("of").and_then(Value::as_str).unwrap_or_default();
            println!("{name:<28} {:>8.3} {:>8.2}  {of}", number("value"), number("goal"));
        }
        println!("\n{:<44} {:>12}", "figure", "value");
        for (name, value) in &self.rates {
            println!("{name:<44} {:>12.1}", value.as_f64().unwrap_or(f64::NAN));
        }
        println!();
        self.notes.iter().for_each(|note| println!("{note}"));
        Ok(())
    }
}

/// The middle of the samples: one noisy round changes it little.
pub(crate) fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}
