//! Acts that can be switched off one at a time, in test builds alone: `cargo xtask mutants` shows that some test notices each.
//!
//! An act that enforces an invariant asks [`enforced!`](macro@crate::enforced) under a name of its own. Outside the test build that is
//! the constant `true` and compiles to nothing. The build of tests turns on the feature `mutants`; a release build never has
//! the switch, whatever features it is given, because it has no debug assertions.

/// Whether an act may be switched off in this build.
pub const SWITCHABLE: bool = cfg!(all(feature = "mutants", debug_assertions));

/// Whether the act of this name is enforced; the parts of the name are joined by dots: `enforced!("permit", action.as_str())`.
#[macro_export]
macro_rules! enforced {
    ($($part:expr),+ $(,)?) => { (!$crate::enforced::SWITCHABLE || $crate::enforced::is_on(&[$($part),+])) };
}

/// Whether the act of this name is not the one that is switched off.
#[cfg(all(feature = "mutants", debug_assertions))]
pub fn is_on(name: &[&str]) -> bool {
    use std::sync::OnceLock;
    static OFF: OnceLock<Option<String>> = OnceLock::new();
    let off = OFF.get_or_init(|| std::env::var("CHANCERY_MUTANT").ok().filter(|name| !name.is_empty()));
    off.as_ref().is_none_or(|off| !is_name(off, name))
}

/// Always: nothing can be switched off in this build.
#[cfg(not(all(feature = "mutants", debug_assertions)))]
pub const fn is_on(_: &[&str]) -> bool {
    true
}

#[cfg(all(feature = "mutants", debug_assertions))]
fn is_name(whole: &str, parts: &[&str]) -> bool {
    let mut rest = Some(whole);
    for (place, part) in parts.iter().enumerate() {
        let after = if place == 0 { rest } else { rest.and_then(|rest| rest.strip_prefix('.')) };
        rest = after.and_then(|after| after.strip_prefix(part));
    }
    rest == Some("")
}

#[cfg(all(test, feature = "mutants"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_parts_joined_by_dots() {
        assert!(is_name("token.expiry.stored", &["token", "expiry", "stored"]));
        assert!(is_name("token.expiry.stored", &["token", "expiry.stored"]));
        for other in ["token.expiry", "token.expiry.stored.", "token.expirystored", "xtoken.expiry.stored", ""] {
            assert!(!is_name(other, &["token", "expiry", "stored"]), "{other}");
        }
    }
}
