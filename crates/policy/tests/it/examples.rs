//! The bundles under docs/policies: each is one, and says what its fixtures expect.

use chancery_policy::{Bundle, Compiled, Input};
use std::fs;
use std::path::PathBuf;

fn bundles() -> Vec<(String, Bundle)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/policies");
    let names =
        |folder: &PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    let mut found = Vec::new();
    for name in names(&root) {
        let folder = root.join(&name);
        let mut files = vec![("policy.rego".to_owned(), fs::read(folder.join("policy.rego")).unwrap())];
        for fixture in names(&folder.join("fixtures")) {
            files.push((format!("fixtures/{fixture}"), fs::read(folder.join("fixtures").join(&fixture)).unwrap()));
        }
        found.push((name, Bundle::new(files).unwrap()));
    }
    found
}

#[test]
fn each_says_what_its_fixtures_expect() {
    let bundles = bundles();
    assert_eq!(bundles.len(), 5);
    for (name, bundle) in bundles {
        let compiled = Compiled::new(&bundle).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let fixtures = bundle.read_fixtures().unwrap_or_else(|bad| panic!("{name}: {bad:?}"));
        assert!(fixtures.len() >= 4, "{name}");
        // Both what is allowed and what is not is among them.
        let speaks = |fixture: &&chancery_policy::Fixture| *fixture.expect.canonical() != *chancery_policy::Verdict::default().canonical();
        let speaking = fixtures.iter().filter(speaks).count();
        assert!((1..fixtures.len()).contains(&speaking), "{name}");
        for tried in compiled.try_fixtures(fixtures) {
            assert!(tried.passed(), "{name}/{}: {:?}", tried.fixture.name, tried.said);
        }
    }
}

#[test]
fn the_same_input_is_said_the_same_of_byte_for_byte() {
    for (name, bundle) in bundles() {
        let (one, other) = (Compiled::new(&bundle).unwrap(), Compiled::new(&Bundle::from_canonical(&bundle.canonical()).unwrap()).unwrap());
        for fixture in bundle.read_fixtures().unwrap() {
            let kept = fixture.input.canonical();
            assert_eq!(Input::parse(&kept).unwrap().canonical(), kept, "{name}");
            let said = one.evaluate(&fixture.input).unwrap().canonical();
            assert_eq!(other.evaluate_canonical(&kept).unwrap().canonical(), said, "{name}/{}", fixture.name);
        }
    }
}

#[test]
fn a_fixture_of_another_form_is_none() {
    let (_, bundle) = bundles().into_iter().find(|(name, _)| name == "freeze-windows").unwrap();
    let (path, good) = bundle.fixtures().next().map(|(path, text)| (path.to_owned(), text.to_owned())).unwrap();
    let wrong = |text: String| {
        let mut files: Vec<_> = bundle.rego().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
        files.push((path.clone(), text.into_bytes()));
        let bad = Bundle::new(files).unwrap().read_fixtures().unwrap_err();
        bad[0].message.clone()
    };
    for (from, to, why) in [
        ("\"schema\": 1", "\"schema\": 2", "schema 2"),
        ("\"tenant\":", "\"team\": \"x\", \"tenant\":", "unknown field `team`"),
        ("\"expect\":", "\"expected\":", "unknown field `expected`"),
        ("\"hour\": ", "\"hour\": 1", "clock"),
        ("\"wildcard\": false", "\"wildcard\": true", "what follows from it is"),
        ("\"bits\": 256", "\"bits\": 255", "certificate.key"),
        ("\"kind\": \"account\"", "\"kind\": \"root\"", "unknown variant `root`"),
    ] {
        assert!(good.contains(from), "{from}: {good}");
        let said = wrong(good.replace(from, to));
        assert!(said.contains(why), "{to}: {said}");
    }
}
