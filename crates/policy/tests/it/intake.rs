//! What a policy may call and mention.

use crate::support::{compile, input, refused};

#[test]
fn what_reads_the_outside_is_refused_by_name_and_place() {
    for call in [
        "time.now_ns()",
        "rand.intn(\"a\", 3)",
        "uuid.rfc4122(\"a\")",
        "http.send({})",
        "opa.runtime()",
        "net.lookup_ip_addr(\"a\")",
        "trace(\"a\")",
        "print(\"a\")",
        "io.jwt.decode(\"a\")",
        "crypto.sha256(\"a\")",
    ] {
        let name = call.split('(').next().unwrap();
        for rules in [
            format!("deny contains \"x\" if {call}"),
            format!("deny contains \"x\" if {{ some y in [{call}]; y == 1 }}"),
            format!("f(x) := {call} if x == 1\ndeny contains \"x\" if f(1) == 1"),
            format!("default a := 1\na := {{\"k\": [v | v := {call}]}}\ndeny contains \"x\" if a.k == 1"),
            format!("a := 1 if false else := {call}\ndeny contains \"x\" if a == 1"),
            format!("deny contains {call}"),
            format!("deny contains \"x\" if not {call}"),
            format!("deny contains \"x\" if every y in [1] {{ {call} == y }}"),
            format!("a[{call}] := 1\ndeny contains \"x\" if a[1] == 1"),
            format!("deny contains \"x\" if input.clock[{call}]"),
        ] {
            let said = refused(&rules);
            assert!(said.contains(&format!("{name} cannot be called: it reads or reaches")), "{rules}: {said}");
            assert!(said.starts_with("policy.rego:"), "{said}");
        }
    }
}

#[test]
fn a_function_gets_in_by_no_other_way() {
    for (rules, why) in [
        ("deny contains \"x\" if count([1]) == 1 with count as http.send", "`with` is for"),
        ("deny contains \"x\" if input.a with input as {}", "`with` is for"),
        ("import data.other\ndeny contains \"x\" if other.f(1)", "import data.other"),
        ("import data.chancery.f as count\ndeny contains \"x\" if count(1)", "import data.chancery.f"),
        ("deny contains \"x\" if data.chancery.f(1)", "data.chancery.f cannot be called"),
        ("deny contains \"x\" if data[input.action]", "there is no data"),
        ("a.b := 1\ndeny contains \"x\" if a.b == 1", "single word"),
        ("deny contains \"x\" if numbers.range(1, 1000000000)", "of any length"),
        ("deny contains \"x\" if json.marshal(input)", "of any length"),
        ("deny contains \"x\" if nothing(1)", "there is no such function"),
        ("deny := \"x\"", "deny is a set"),
        ("obligations := [1]", "obligations is a set"),
        ("default warn := \"x\"", "warn is a set"),
        ("allow := true", "says nothing"),
    ] {
        let said = refused(rules);
        assert!(said.contains(why), "{rules}: {said}");
    }
    let other = chancery_policy::Bundle::new([("a.rego".to_owned(), b"package other\ndeny contains \"x\"".to_vec())]).unwrap();
    assert!(chancery_policy::Compiled::new(&other).unwrap_err().to_string().contains("package chancery"));
}

#[test]
fn the_functions_of_the_list_do_what_they_say() {
    for expression in [
        "startswith(input.certificate.names[0].value, \"*.\")",
        "endswith(input.certificate.names[0].value, \".acme.com\")",
        "regex.match(`^\\*\\.[a-z]+\\.acme\\.com$`, input.certificate.names[0].value)",
        "glob.match(\"*.acme.com\", [], \"x.acme.com\")",
        "concat(\", \", [\"a\", \"b\"]) == \"a, b\"",
        "sprintf(\"%v-%d\", [\"a\", 3]) == \"a-3\"",
        "replace(\"a.b\", \".\", \"-\") == \"a-b\"",
        "array.concat([1], [2]) == [1, 2]",
        "count({1, 2} | {2, 3}) == 3",
        "\"issuer\" in input.principal.roles",
        "strings.any_suffix_match(\"x.acme.com\", [\".acme.com\"])",
        "input.time >= \"2026-11-21T00:00:00Z\"",
        "input.clock.weekday == \"saturday\"",
        "input.certificate.validity_seconds == 90 * 86400",
        "not input.signature",
    ] {
        let compiled = compile(&format!("deny contains \"x\" if {expression}")).unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(compiled.evaluate(&input()).unwrap().deny, ["x"], "{expression}");
    }
}

#[test]
fn an_error_within_a_rule_is_no_verdict() {
    // OPA itself would leave such a rule undefined and allow the act.
    for rules in ["deny contains \"x\" if concat(\"\", input.clock.hour) == \"x\"", "a := 1\na := 2\ndeny contains \"x\" if a == 1"] {
        let said = compile(rules).map(|compiled| compiled.evaluate(&input()));
        assert!(!matches!(said, Ok(Ok(_))), "{rules}: {said:?}");
    }
}
