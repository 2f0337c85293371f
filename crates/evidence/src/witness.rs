//! Witnesses: what they are asked (C2SP tlog-witness), and whose cosignatures are enough (C2SP tlog-policy).

use crate::merkle::Hash;
use crate::note::{KeyKind, Note, VerifierKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_domain::enforced;
use std::collections::BTreeSet;

/// More witnesses than this are not asked: each cosignature makes the checkpoint longer.
const MOST: usize = 32;

/// Somebody who watches that a log only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy.
    pub name: String,
    /// The key of its cosignatures.
    pub key: VerifierKey,
    /// Its submission prefix, without a slash at its end.
    pub url: String,
}

/// The witnesses, and how many of which must have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessPolicy {
    witnesses: Vec<Witness>,
    /// Of these, by name.
    members: BTreeSet<String>,
    threshold: usize,
}

/// Why a policy is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct PolicyError {
    /// Which line, from 1; behind the last one for what is missing.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl WitnessPolicy {
    /// Reads a policy: lines `witness NAME KEY URL`, `group NAME all|any|NUMBER WITNESS…`, and one `quorum NAME|none`. Each witness has
    /// its URL; groups are of witnesses and not of groups; logs are not named here.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (mut witnesses, mut groups, mut quorum) = (Vec::<Witness>::new(), Vec::<(String, BTreeSet<String>, usize)>::new(), None);
        let mut last = 0;
        for (number, line) in text.lines().enumerate() {
            last = number + 1;
            let wrong = |what: &str| PolicyError { line: last, what: what.to_owned() };
            let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            let is_named = |name: &str| witnesses.iter().any(|known| known.name == name) || groups.iter().any(|(known, ..)| known == name);
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["witness", name, key, url] => {
                    let key = VerifierKey::parse(key).ok().filter(|key| key.kind() == KeyKind::Witness);
                    let key = key.ok_or_else(|| wrong("the key is not one of cosignature/v1, name+hash+base64 of type 0x04"))?;
                    let is_url = ["https://", "http://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
                    if !is_url {
                        return Err(wrong("give the witness's submission prefix as its URL, http:// or https://"));
                    }
                    if *name == "none" || is_named(name) || witnesses.iter().any(|known| known.key.is_same_key(&key)) {
                        return Err(wrong("a witness stands once, under a name of its own other than none"));
                    }
                    witnesses.push(Witness { name: (*name).to_owned(), key, url: url.trim_end_matches('/').to_owned() });
                }
                ["group", name, threshold, members @ ..] => {
                    let set: BTreeSet<String> = members.iter().map(|member| (*member).to_owned()).collect();
                    if *name == "none" || is_named(name) || set.len() != members.len() || set.is_empty() {
                        return Err(wrong("a group has a name of its own and at least one witness, each once"));
                    }
                    if let Some(stranger) = members.iter().find(|member| witnesses.iter().all(|known| known.name != **member)) {
                        return Err(wrong(&format!("{stranger} is no witness of a line above; groups of groups are not read here")));
                    }
                    let number = match *threshold {
                        "all" => Some(set.len()),
                        "any" => Some(1),
                        number => number.parse().ok().filter(|number| (1..=set.len()).contains(number)),
                    };
                    let number = number.ok_or_else(|| wrong("a group's threshold is all, any, or a number of its witnesses"))?;
                    groups.push(((*name).to_owned(), set, number));
                }
                ["quorum", _] if quorum.is_some() => return Err(wrong("there is one quorum")),
                ["quorum", name] => {
                    let one = witnesses.iter().find(|known| known.name == *name).map(|known| (BTreeSet::from([known.name.clone()]), 1));
                    let group = groups.iter().find(|(known, ..)| known == name).map(|(_, set, number)| (set.clone(), *number));
                    let none = (*name == "none").then(|| (witnesses.iter().map(|known| known.name.clone()).collect(), 0));
                    quorum =
                        Some(one.or(group).or(none).ok_or_else(|| wrong("the quorum is a witness or group of a line above, or none"))?);
                }
                _ => {
                    return Err(wrong(
                        "not a line of a witness policy: witness NAME KEY URL, group NAME all|any|NUMBER WITNESS…, quorum NAME",
                    ));
                }
            }
        }
        let missing = |what: &str| PolicyError { line: last + 1, what: what.to_owned() };
        let (members, threshold) = quorum.ok_or_else(|| missing("the quorum is missing: `quorum none` asks for no cosignature"))?;
        match witnesses.len() {
            0 => Err(missing("it names no witness")),
            1..=MOST => Ok(Self { witnesses, members, threshold }),
            _ => Err(missing("it names more than 32 witnesses")),
        }
    }

    /// All of them, those that are not counted too.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The keys whose cosignatures are counted.
    pub fn counted(&self) -> Vec<VerifierKey> {
        self.witnesses.iter().filter(|witness| self.members.contains(&witness.name)).map(|witness| witness.key.clone()).collect()
    }

    /// How many of those it takes; 0 if none is needed.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// Whether enough of them cosigned this checkpoint.
    pub fn is_met(&self, note: &Note) -> bool {
        let cosigned = self.counted().iter().filter(|key| note.is_signed_by(key)).count();
        cosigned >= self.threshold || !enforced!("witness.quorum")
    }
}

/// What a witness is asked: to cosign this checkpoint of a log of which it cosigned the first `old` leaves, with the proof that they are
/// its beginning.
pub fn add_checkpoint(old: u64, proof: &[Hash], checkpoint: &Note) -> String {
    let proof: String = proof.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
    format!("old {old}\n{proof}\n{checkpoint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, kind: KeyKind, byte: u8) -> String {
        VerifierKey::new(name, kind, [byte; 32]).unwrap().to_string()
    }

    fn policy(lines: &str) -> Result<WitnessPolicy, PolicyError> {
        let [a, b, c] = [1, 2, 3].map(|byte| key(&format!("w{byte}.example"), KeyKind::Witness, byte));
        WitnessPolicy::parse(&format!(
            "# ours\nwitness A {a} https://a.example/\n  witness B\t{b} http://b.example\nwitness C {c} https://c.example/x\n{lines}"
        ))
    }

    #[test]
    fn a_quorum_is_none_a_witness_or_a_group() {
        let is = |lines: &str| policy(lines).map(|policy| (policy.counted().len(), policy.threshold())).unwrap();
        assert_eq!(is("quorum none\n"), (3, 0));
        assert_eq!(is("quorum B"), (1, 1));
        assert_eq!(is("group G 2 A B C\nquorum G\n"), (3, 2));
        assert_eq!(is("group G any A C\ngroup H all A C\n\nquorum H\n"), (2, 2));
        let read = policy("quorum A\n").unwrap();
        assert_eq!(
            read.witnesses().iter().map(|witness| witness.url.as_str()).collect::<Vec<_>>()[..2],
            ["https://a.example", "http://b.example"]
        );
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_line() {
        let (log, again) = (key("log.example", KeyKind::Log, 4), key("other.example", KeyKind::Witness, 1));
        for (lines, line, what) in [
            ("", 5, "quorum is missing"),
            ("quorum D\n", 5, "of a line above"),
            ("quorum A\nquorum A\n", 6, "one quorum"),
            ("group G 4 A B C\nquorum G\n", 5, "threshold"),
            ("group G 0 A\nquorum G\n", 5, "threshold"),
            ("group G 1 A A\n", 5, "each once"),
            ("group G any\n", 5, "at least one"),
            ("group A any B\n", 5, "name of its own"),
            ("group G any A\ngroup H any G\n", 6, "groups of groups"),
            ("witness D x https://d.example\n", 5, "cosignature/v1"),
            (&format!("witness D {log} https://d.example\n"), 5, "cosignature/v1"),
            (&format!("witness D {again} https://d.example\n"), 5, "stands once"),
            (&format!("witness D {}\n", key("d", KeyKind::Witness, 9)), 5, "not a line"),
            (&format!("witness D {} ftp://d.example\n", key("d", KeyKind::Witness, 9)), 5, "submission prefix"),
            (&format!("witness none {} https://d.example\n", key("d", KeyKind::Witness, 9)), 5, "stands once"),
            ("log x\n", 5, "not a line"),
        ] {
            let error = policy(lines).unwrap_err();
            assert!(error.line == line && error.what.contains(what), "{lines}: {error}");
        }
        assert_eq!(WitnessPolicy::parse("quorum none\n").unwrap_err().what, "it names no witness");
    }
}
