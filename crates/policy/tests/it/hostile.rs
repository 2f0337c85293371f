//! Policies that mean harm: each is refused at intake or ended, and then the act is refused.

use crate::support::{bundle, compile, input, refused};
use chancery_policy::{Bundle, Compiled, EvaluationError};
use std::fmt::Write;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "it is measured how long a policy keeps us")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

fn ends(rules: &str) -> EvaluationError {
    let compiled = compile(rules).unwrap_or_else(|refused| panic!("{rules}: {refused}"));
    let (said, took) = timed(|| compiled.evaluate(&input()));
    assert!(took < Duration::from_secs(3), "{took:?}: {rules}");
    said.expect_err(rules)
}

#[test]
fn a_comprehension_that_runs_away_is_ended() {
    let ten = "n := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
    let loops = "some a in n; some b in n; some c in n; some d in n; some e in n; some f in n; some g in n; some h in n; some i in n";
    let error = ends(&format!("{ten}deny contains \"x\" if {{ {loops}; a + b + c + d + e + f + g + h + i == 91 }}"));
    assert_eq!(error, EvaluationError::TimeLimit);
    let error = ends(&format!("{ten}deny contains \"x\" if count([a | {loops}]) == 1"));
    assert_eq!(error, EvaluationError::TimeLimit);
}

#[test]
fn what_grows_by_doubling_is_ended() {
    let chain = |first: &str, step: &dyn Fn(&str) -> String, last: &str| {
        let mut rules = format!("a0 := {first}\n");
        for n in 1..40 {
            writeln!(rules, "a{n} := {}", step(&format!("a{}", n - 1))).unwrap();
        }
        writeln!(rules, "deny contains \"x\" if {}", last.replace('$', "a39")).unwrap();
        rules
    };
    for step in [|a: &str| format!("concat(\"\", [{a}, {a}])"), |a: &str| format!("sprintf(\"%s%s\", [{a}, {a}])")] {
        let error = ends(&chain("\"xxxxxxxx\"", &step, "$ == \"y\""));
        assert!(matches!(&error, EvaluationError::Failed(why) if why.contains("longer than 65536")), "{error}");
    }
    let error = ends(&chain("\"xxxxxxxx\"", &|a| format!("replace({a}, \"x\", \"xx\")"), "$ == \"y\""));
    assert!(matches!(&error, EvaluationError::Failed(why) if why.contains("longer than 65536")), "{error}");
    let error = ends(&chain("[1]", &|a| format!("array.concat({a}, {a})"), "count($) == 1"));
    assert!(matches!(&error, EvaluationError::Failed(why) if why.contains("longer than 65536")), "{error}");
}

/// What is shared is small in memory and endless to walk through: one comparison would take years.
#[test]
fn a_step_that_does_not_end_is_given_up_and_not_begun_again() {
    let mut rules = String::from("a0 := [1, input.clock.hour]\nb0 := [1, input.clock.hour]\n");
    for n in 1..40 {
        writeln!(rules, "a{n} := [a{0}, a{0}]\nb{n} := [b{0}, b{0}]", n - 1).unwrap();
    }
    rules.push_str("deny contains \"x\" if a39 == b39\n");
    let compiled = compile(&rules).unwrap();
    let (said, took) = timed(|| compiled.evaluate(&input()));
    assert_eq!(said, Err(EvaluationError::Runaway));
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&took), "{took:?}");
    let (said, took) = timed(|| compiled.evaluate(&input()));
    assert_eq!(said, Err(EvaluationError::Runaway));
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[test]
fn recursion_is_refused() {
    for rules in [
        "f(x) := f(x + 1)\ndeny contains \"x\" if f(1) == 2",
        "a := b\nb := a\ndeny contains \"x\" if a == 1",
        "f(x) := g(x)\ng(x) := f(x)\ndeny contains \"x\" if f(1) == 2",
        "deny contains \"x\" if count(deny) > 3",
    ] {
        assert!(refused(rules).contains("rests on itself"), "{rules}: {}", refused(rules));
    }
}

#[test]
fn a_long_chain_of_rules_is_refused_before_it_overflows_the_stack() {
    let chain = |length: usize| {
        let mut rules = String::from("a0 := input.clock.hour\n");
        for n in 1..length {
            writeln!(rules, "a{n} := a{}", n - 1).unwrap();
        }
        writeln!(rules, "deny contains \"x\" if a{} == 22", length - 1).unwrap();
        rules
    };
    assert!(refused(&chain(900)).contains("deep"), "{}", refused(&chain(900)));
    let deepest = compile(&chain(60)).unwrap();
    assert_eq!(deepest.evaluate(&input()).unwrap().deny, ["x"]);
}

/// As deep as is taken, every rule as deep as the parser lets it be.
#[test]
fn the_deepest_that_is_taken_fits_the_stack() {
    let mut rules = String::from("f0(x) := x\n");
    let mut deepest = 0;
    for n in 1..20 {
        let nested = (0..25).fold(format!("f{}(x)", n - 1), |inner, _| format!("abs({inner})"));
        writeln!(rules, "f{n}(x) := {nested}").unwrap();
        if let Ok(compiled) = compile(&format!("{rules}deny contains \"x\" if f{n}(1) == 1")) {
            deepest = n;
            assert_eq!(compiled.evaluate(&input()).unwrap().deny, ["x"]);
        }
    }
    assert!((5..10).contains(&deepest), "{deepest}");
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close, depth) in [("[", "]", 7), ("{\"a\": ", "}", 7), ("[", "]", 10_000), ("[x | some x in [", "]]", 4)] {
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let (said, took) = timed(|| refused(&format!("deny contains \"x\" if {nested} == 1")));
        assert!(said.starts_with("policy.rego:3: brackets and braces"), "{open} {depth}: {said}");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    for (open, close) in [("(", ")"), ("count(\n", ")")] {
        let nested = format!("{}1{}", open.repeat(250), close.repeat(250));
        let said = refused(&format!("deny contains \"x\" if {nested} == 1"));
        assert!(said.contains("deep"), "{open}: {said}");
    }
    // What stands in texts and remarks opens nothing.
    assert!(compile("# [[[[[[[[\ndeny contains \"[[[[[\\\"[[[[[\" if input.a == `{{{{{{{{`").is_ok());
}

/// The longest that is taken, of what costs the parser most.
#[test]
fn the_most_expensive_file_is_parsed_or_given_up_in_time() {
    let mut rules = String::new();
    while rules.len() < 250_000 {
        rules.push_str("deny contains [[[[[[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]]]]]]\n");
    }
    let (_, took) = timed(|| compile(&rules));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn ten_thousand_rules_are_refused() {
    let mut rules = String::new();
    for n in 0..10_000 {
        writeln!(rules, "a{n}:=1").unwrap();
    }
    let (said, took) = timed(|| refused(&rules));
    assert!(said.contains("10000 rules, at most 1000"), "{said}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_thousand_rules_are_compiled_in_time() {
    let mut rules = String::new();
    for n in 0..1000 {
        writeln!(rules, "deny contains \"{n}\" if input.clock.hour == {}", n + 100).unwrap();
    }
    let (compiled, took) = timed(|| compile(&rules).unwrap());
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(compiled.evaluate(&input()).unwrap().deny, [""; 0]);
}

#[test]
fn what_says_too_much_is_no_answer() {
    let wrong = |rules: &str| match ends(rules) {
        EvaluationError::Output { rule, at, message } => (rule, at, message),
        other => panic!("{other}"),
    };
    let many = "n := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\ndeny contains sprintf(\"%d%d\", [a, b]) if { some a in n; some b in n }";
    assert_eq!(wrong(many), ("deny", "policy.rego:4".to_owned(), "100 entries, at most 50".to_owned()));
    let long = format!("warn contains \"{}\"", "x".repeat(501));
    assert_eq!(wrong(&long), ("warn", "policy.rego:3".to_owned(), "a text of 501 bytes, at most 500".to_owned()));
    assert_eq!(wrong("deny contains 1").2, "an entry that is no text");
    assert_eq!(wrong("deny contains \"\"").2, "an empty text: say why");
    assert_eq!(wrong("deny contains \"a\\nb\"").2, "a text with control characters");
    for (obligation, why) in [
        ("\"x\"", "an entry that is no object"),
        ("{\"kind\": \"allow\"}", "unknown variant `allow`"),
        ("{\"kind\": \"max_validity\", \"seconds\": 10}", "at least 300"),
        ("{\"kind\": \"max_validity\", \"seconds\": 300, \"unless\": \"x\"}", "unknown field `unless`"),
        ("{\"kind\": \"require_approval\", \"count\": 0, \"roles\": [\"issuer\"]}", "1 to 10"),
        ("{\"kind\": [[[\"x\"]]]}", "short texts"),
    ] {
        let (rule, _, message) = wrong(&format!("obligations contains {obligation}"));
        assert!(rule == "obligations" && message.contains(why), "{obligation}: {message}");
    }
}

#[test]
fn facts_that_are_too_long_are_not_looked_at() {
    let mut facts = input();
    let name = facts.certificate.as_ref().unwrap().names[0].clone();
    facts.certificate.as_mut().unwrap().names = vec![name; 8_000];
    let compiled = compile("deny contains \"x\" if input.certificate.wildcard").unwrap();
    assert!(matches!(compiled.evaluate(&facts), Err(EvaluationError::Input(524_289..))));
}

#[test]
fn what_is_no_number_by_any_measure_is_refused() {
    for number in ["99999999999999999999999999", "1e300", "1E5"] {
        assert!(refused(&format!("deny contains \"x\" if {number} > 1")).contains("a number has at most"), "{number}");
    }
    assert!(refused("deny contains \"x\" if 1e1000000000 > 1").contains("out of range"));
    let squares = "a := 99999\nb := a * a\ndeny contains \"x\" if b == 1";
    assert!(refused(squares).contains("one factor of a product"));
    assert!(compile("day := 24 * 3600\ndeny contains \"x\" if input.certificate.validity_seconds > 47 * day").is_ok());
}

#[test]
fn compiling_what_is_no_rego_says_where() {
    let bad = Bundle::new([("b.rego".to_owned(), b"package chancery\n\ndeny contains { if".to_vec())]).unwrap();
    let fault = Compiled::new(&bad).unwrap_err().0.remove(0);
    assert_eq!((fault.file.as_str(), fault.line), ("b.rego", 3), "{fault}");
    assert!(bundle("deny contains 1").files().len() == 1);
}
