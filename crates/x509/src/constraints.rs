//! Name constraints (RFC 5280 section 4.2.1.10): derived from patterns, read back from DER, applied to names.
//!
//! A kind of name that no pattern allows must be shut wholly, in a form that the verifiers in use honour:
//! dNSName by the excluded empty name and addresses by the excluded `/0` networks (OpenSSL, webpki and Go take both as "every");
//! mailboxes and URIs, which have no such form, by permitting the host `nowhere.invalid` alone, which never
//! exists (RFC 6761 section 6.4); a single label would be no fully qualified name. IPv4 and IPv6 count as two kinds.

use crate::der_out::{DerOut, SEQUENCE, context, context_constructed};
use crate::name::GeneralName;
use chancery_domain::enforced;
use chancery_domain::name::{NameKind, SubjectName};
use chancery_domain::pattern::NamePattern;
use der::asn1::ContextSpecific;
use der::{Reader, SliceReader, Tag, TagNumber};
use std::net::IpAddr;

const NOWHERE: &str = "nowhere.invalid";

/// What an authority's certificate says about the names below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraints {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

/// A set of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subtree {
    /// This host and all below it; all hosts if empty.
    Dns(String),
    /// One mailbox, the mailboxes of one host, or with a leading dot of all hosts below it.
    Email(String),
    /// One host, or with a leading dot all below it.
    Uri(String),
    /// Address and mask.
    V4(u32, u32),
    /// Address and mask.
    V6(u128, u128),
}

/// The kinds of subtree, each constrained by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dns,
    Email,
    Uri,
    V4,
    V6,
}

impl Constraints {
    /// The narrowest constraints that permit everything that one of the patterns matches.
    pub(crate) fn from_patterns(patterns: &[NamePattern]) -> Self {
        let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
        for kind in Kind::ALL {
            if patterns.iter().any(|pattern| kind.is_free(pattern)) {
                continue;
            }
            let before = permitted.len();
            permitted.extend(patterns.iter().filter_map(Subtree::of).filter(|subtree| subtree.kind() == kind));
            if permitted.len() == before && enforced!("constraints.other-kinds") {
                match kind {
                    Kind::Dns => excluded.push(Subtree::Dns(String::new())),
                    Kind::Email => permitted.push(Subtree::Email(NOWHERE.to_owned())),
                    Kind::Uri => permitted.push(Subtree::Uri(NOWHERE.to_owned())),
                    Kind::V4 => excluded.push(Subtree::V4(0, 0)),
                    Kind::V6 => excluded.push(Subtree::V6(0, 0)),
                }
            }
        }
        permitted.sort();
        permitted.dedup();
        Self { permitted, excluded }
    }

    /// Whether there is nothing to say; an empty extension is not allowed.
    pub(crate) fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }

    /// Writes the extension's value.
    pub(crate) fn write(&self, out: &mut DerOut) {
        out.nested(SEQUENCE, |out| {
            for (number, subtrees) in [(0, &self.permitted), (1, &self.excluded)] {
                if !subtrees.is_empty() {
                    out.nested(context_constructed(number), |out| subtrees.iter().for_each(|subtree| subtree.write(out)));
                }
            }
        });
    }

    /// Reads the extension's value. Kinds of names that are not offered here, and distances, are refused: what is not understood
    /// must not be waved through.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let constraints = reader.sequence(|inside| {
            let permitted = ContextSpecific::<Subtrees>::decode_implicit(inside, TagNumber(0))?.map(|tagged| tagged.value.0);
            let excluded = ContextSpecific::<Subtrees>::decode_implicit(inside, TagNumber(1))?.map(|tagged| tagged.value.0);
            Ok::<_, der::Error>(Self { permitted: permitted.unwrap_or_default(), excluded: excluded.unwrap_or_default() })
        })?;
        reader.finish()?;
        if constraints.is_empty() { Err(Tag::Sequence.value_error().into()) } else { Ok(constraints) }
    }

    /// Whether a certificate below may carry this name.
    pub(crate) fn permit(&self, name: &SubjectName) -> bool {
        let kind = Kind::of(name);
        let mut allowed = self.permitted.iter().filter(|subtree| subtree.kind() == kind).peekable();
        let within = allowed.peek().is_none() || allowed.any(|subtree| subtree.contains(name)) || !enforced!("constraints.permitted");
        within && !(self.excluded.iter().any(|subtree| subtree.overlaps(name)) && enforced!("constraints.excluded"))
    }

    /// The kinds of name of which some are permitted by all of the chain's constraints that these would not permit.
    pub(crate) fn exceeded_by(&self, chain: &[&Self]) -> Vec<&'static str> {
        let exceeded = |kind: &Kind| !chain.iter().any(|constraints| constraints.stays_within(self, *kind));
        Kind::ALL.into_iter().filter(exceeded).map(Kind::as_str).collect()
    }

    /// Whether every permitted name of this kind is permitted by the other constraints, too, which were derived from patterns.
    fn stays_within(&self, asked: &Self, kind: Kind) -> bool {
        let allowed = |outer: &&Subtree| outer.kind() == kind;
        if !asked.permitted.iter().chain(&asked.excluded).any(|outer| allowed(&outer))
            || self.excluded.iter().filter(allowed).any(Subtree::is_whole)
        {
            return true;
        }
        let within = |inner: &Subtree| {
            asked.permitted.iter().chain(&self.excluded).any(|outer| outer.holds(inner))
                || matches!(inner, Subtree::Dns(base) if base == NOWHERE)
        };
        let mut permitted = self.permitted.iter().filter(allowed).peekable();
        permitted.peek().is_some() && permitted.all(within)
    }

    /// Whether every name that the pattern matches is permitted.
    pub(crate) fn cover(&self, pattern: &NamePattern) -> bool {
        let subtree = Subtree::of(pattern);
        let concerned = |other: &&Subtree| subtree.as_ref().map_or_else(|| other.kind().is_free(pattern), |own| own.kind() == other.kind());
        let holds = |other: &Subtree| subtree.as_ref().is_some_and(|own| other.holds(own));
        let meets = |other: &Subtree| subtree.as_ref().is_none_or(|own| other.holds(own) || own.holds(other));
        let mut permitted = self.permitted.iter().filter(concerned).peekable();
        let within = permitted.peek().is_none() || permitted.any(holds) || !enforced!("constraints.cover-permitted");
        within && !(self.excluded.iter().filter(concerned).any(meets) && enforced!("constraints.cover-excluded"))
    }
}

impl Kind {
    const ALL: [Self; 5] = [Self::Dns, Self::Email, Self::Uri, Self::V4, Self::V6];

    /// The GeneralName's, RFC 5280 section 4.2.1.6.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dNSName",
            Self::Email => "rfc822Name",
            Self::Uri => "uniformResourceIdentifier",
            Self::V4 => "iPAddress (IPv4)",
            Self::V6 => "iPAddress (IPv6)",
        }
    }
    const fn of(name: &SubjectName) -> Self {
        match name {
            SubjectName::Dns(_) => Self::Dns,
            SubjectName::Email(_) => Self::Email,
            SubjectName::Uri(_) => Self::Uri,
            SubjectName::Ip(IpAddr::V4(_)) => Self::V4,
            SubjectName::Ip(IpAddr::V6(_)) => Self::V6,
        }
    }
    fn is_free(self, pattern: &NamePattern) -> bool {
        let NamePattern::Any(kind) = pattern else { return false };
        match self {
            Self::Dns => *kind == NameKind::Dns,
            Self::Email => *kind == NameKind::Email,
            Self::Uri => *kind == NameKind::Uri,
            Self::V4 | Self::V6 => *kind == NameKind::Ip,
        }
    }
}

impl Subtree {
    /// The smallest subtree around a pattern; `None` for patterns over a whole kind.
    fn of(pattern: &NamePattern) -> Option<Self> {
        Some(match pattern {
            NamePattern::Any(_) => return None,
            NamePattern::DnsBelow(parent) => Self::Dns(parent.clone()),
            NamePattern::EmailAt(host) => Self::Email(host.clone()),
            NamePattern::UriBelow(prefix) => Self::Uri(SubjectName::Uri(prefix.clone()).uri_host()?.to_owned()),
            NamePattern::IpNetwork(ip, bits) => Self::network(*ip, u32::from(*bits)),
            NamePattern::Exactly(SubjectName::Ip(ip)) => Self::network(*ip, 128),
            NamePattern::Exactly(SubjectName::Dns(host)) => Self::Dns(host.strip_prefix("*.").unwrap_or(host).to_owned()),
            NamePattern::Exactly(SubjectName::Email(mailbox)) => Self::Email(mailbox.clone()),
            NamePattern::Exactly(name @ SubjectName::Uri(_)) => Self::Uri(name.uri_host()?.to_owned()),
        })
    }
    /// A network of at most the address's own number of bits.
    fn network(ip: IpAddr, bits: u32) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip.to_bits(), u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0)),
            IpAddr::V6(ip) => Self::V6(ip.to_bits(), u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0)),
        }
    }
    const fn kind(&self) -> Kind {
        match self {
            Self::Dns(_) => Kind::Dns,
            Self::Email(_) => Kind::Email,
            Self::Uri(_) => Kind::Uri,
            Self::V4(..) => Kind::V4,
            Self::V6(..) => Kind::V6,
        }
    }
    /// Whether it is every name of its kind.
    fn is_whole(&self) -> bool {
        match self {
            Self::Dns(base) => base.is_empty(),
            Self::V4(_, mask) => *mask == 0,
            Self::V6(_, mask) => *mask == 0,
            Self::Email(_) | Self::Uri(_) => false,
        }
    }
    fn write(&self, out: &mut DerOut) {
        out.nested(SEQUENCE, |out| match self {
            Self::Email(base) => out.value(context(1), base.as_bytes()),
            Self::Dns(base) => out.value(context(2), base.as_bytes()),
            Self::Uri(base) => out.value(context(6), base.as_bytes()),
            Self::V4(ip, mask) => out.value(context(7), &[ip.to_be_bytes(), mask.to_be_bytes()].concat()),
            Self::V6(ip, mask) => out.value(context(7), &[ip.to_be_bytes(), mask.to_be_bytes()].concat()),
        });
    }
    fn read(name: GeneralName<'_>) -> Option<Self> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).map(str::to_owned);
        match name {
            GeneralName::Dns(base) => text(base).map(|base| Self::Dns(base.to_ascii_lowercase())),
            GeneralName::Email(base) => text(base).filter(|base| !base.is_empty()).map(Self::Email),
            GeneralName::Uri(base) => text(base).filter(|base| !base.is_empty()).map(|base| Self::Uri(base.to_ascii_lowercase())),
            GeneralName::Ip(octets) => {
                let (ip, mask) = octets.split_at(octets.len() / 2);
                let v4 = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes);
                let v6 = |bytes: &[u8]| bytes.try_into().ok().map(u128::from_be_bytes);
                v4(ip)
                    .zip(v4(mask))
                    .map(|(ip, mask)| Self::V4(ip, mask))
                    .or_else(|| v6(ip).zip(v6(mask)).map(|(ip, mask)| Self::V6(ip, mask)))
            }
            GeneralName::Other(_) => None,
        }
    }
    fn contains(&self, name: &SubjectName) -> bool {
        match (self, name) {
            (Self::Dns(base), SubjectName::Dns(host)) => base.is_empty() || host == base || is_below(host, base),
            (Self::Email(base), SubjectName::Email(mailbox)) if base.contains('@') => base == mailbox,
            (Self::Email(base), SubjectName::Email(mailbox)) => {
                mailbox.split_once('@').is_some_and(|(_, host)| host_matches(host, &base.to_ascii_lowercase()))
            }
            (Self::Uri(base), name @ SubjectName::Uri(_)) => name.uri_host().is_some_and(|host| host_matches(host, base)),
            (Self::V4(base, mask), SubjectName::Ip(IpAddr::V4(ip))) => ip.to_bits() & mask == base & mask,
            (Self::V6(base, mask), SubjectName::Ip(IpAddr::V6(ip))) => ip.to_bits() & mask == base & mask,
            _ => false,
        }
    }
    /// Whether every name in the other one is in this one.
    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dns(outer), Self::Dns(inner)) => outer.is_empty() || outer == inner || is_below(inner, outer),
            (Self::Email(outer), Self::Email(inner)) if outer.contains('@') => outer == inner,
            (Self::Email(outer), Self::Email(inner)) => {
                host_matches(inner.split_once('@').map_or(inner.as_str(), |(_, host)| host), &outer.to_ascii_lowercase())
            }
            (Self::Uri(outer), Self::Uri(inner)) => host_matches(inner, outer),
            (Self::V4(base, mask), Self::V4(inner, narrower)) => mask & narrower == *mask && base & mask == inner & mask,
            (Self::V6(base, mask), Self::V6(inner, narrower)) => mask & narrower == *mask && base & mask == inner & mask,
            _ => false,
        }
    }
    /// Whether some host that the name stands for is meant: a wildcard stands for every host below its parent.
    fn overlaps(&self, name: &SubjectName) -> bool {
        let wildcard = match (self, name) {
            (Self::Dns(base), SubjectName::Dns(host)) => host.strip_prefix('*').is_some_and(|tail| base.ends_with(tail)),
            _ => false,
        };
        wildcard && enforced!("constraints.wildcard") || self.contains(name)
    }
}

fn host_matches(host: &str, base: &str) -> bool {
    if base.starts_with('.') { host.ends_with(base) && host.len() > base.len() } else { host == base }
}

fn is_below(host: &str, base: &str) -> bool {
    host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.') || base.starts_with('.') && !rest.is_empty())
}

/// `GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree`.
struct Subtrees(Vec<Subtree>);

impl der::FixedTag for Subtrees {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> der::DecodeValue<'a> for Subtrees {
    type Error = der::Error;
    fn decode_value<R: Reader<'a>>(reader: &mut R, _: der::Header) -> Result<Self, der::Error> {
        let mut subtrees = Vec::new();
        while !reader.is_finished() {
            // A minimum or maximum after the base is left unread, which ends in an error: RFC 5280 allows none.
            let subtree = reader.sequence(|inside| Ok::<_, der::Error>(Subtree::read(GeneralName::decode(inside)?)))?;
            match subtree {
                None if enforced!("constraints.understood") => return Err(Tag::Sequence.value_error().into()),
                subtree => subtrees.extend(subtree),
            }
        }
        if subtrees.is_empty() { Err(Tag::Sequence.length_error().into()) } else { Ok(Self(subtrees)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints(patterns: &[&str]) -> Constraints {
        let patterns: Vec<NamePattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let made = Constraints::from_patterns(&patterns);
        let read = Constraints::from_der(&DerOut::document(0, |out| made.write(out))).unwrap();
        assert_eq!(read, made);
        read
    }

    #[test]
    fn permit_what_patterns_match_and_no_other_kind() {
        for (patterns, name, permitted) in [
            (&["dns:*.a.example"][..], "x.a.example", true),
            (&["dns:*.a.example"], "*.a.example", true),
            (&["dns:*.a.example"], "xa.example", false),
            (&["dns:*.a.example"], "192.0.2.1", false),
            (&["dns:*.a.example"], "2001:db8::1", false),
            (&["dns:*.a.example"], "email:x@a.example", false),
            (&["dns:*.a.example"], "uri:spiffe://a.example/x", false),
            (&["dns:x.a.example"], "*.a.example", false),
            (&["dns:*"], "anything.example", true),
            (&["dns:*", "dns:a.example"], "anything.example", true),
            (&["dns:*"], "email:x@a.example", false),
            (&["ip:10.0.0.0/8"], "10.1.2.3", true),
            (&["ip:10.0.0.0/8"], "11.1.2.3", false),
            (&["ip:10.0.0.0/8"], "::1", false),
            (&["ip:10.0.0.0/8"], "a.example", false),
            (&["ip:192.0.2.7"], "192.0.2.7", true),
            (&["ip:192.0.2.7"], "192.0.2.8", false),
            (&["ip:::/0"], "2001:db8::1", true),
            (&["ip:2001:db8::/32"], "2001:db9::1", false),
            (&["email:*@a.example"], "email:x@a.example", true),
            (&["email:*@a.example"], "email:x@b.a.example", false),
            (&["email:x@a.example"], "email:y@a.example", false),
            (&["email:*"], "email:y@a.example", true),
            (&["uri:spiffe://a.example/*"], "uri:spiffe://a.example/w", true),
            (&["uri:spiffe://a.example/*"], "uri:spiffe://b.example/w", false),
            (&[], "a.example", false),
            (&[], "192.0.2.1", false),
        ] {
            assert_eq!(constraints(patterns).permit(&name.parse().unwrap()), permitted, "{patterns:?} {name}");
        }
    }

    #[test]
    fn a_pattern_is_covered_as_a_whole_or_not() {
        for (given, pattern, covered) in [
            (&["dns:*.a.example"][..], "dns:*.a.example", true),
            (&["dns:*.a.example"], "dns:*.b.a.example", true),
            (&["dns:*.a.example"], "dns:x.a.example", true),
            (&["dns:*.b.a.example"], "dns:*.a.example", false),
            (&["dns:*.a.example"], "dns:*.xa.example", false),
            (&["dns:*.a.example"], "dns:*", false),
            (&["dns:*"], "dns:*", true),
            (&["dns:*"], "dns:*.a.example", true),
            (&["dns:*.a.example"], "email:*@a.example", false),
            (&["email:*"], "email:*@a.example", true),
            (&["email:*@a.example"], "email:x@a.example", true),
            (&["email:x@a.example"], "email:*@a.example", false),
            (&["uri:spiffe://a.example/*"], "uri:spiffe://a.example/w/*", true),
            (&["uri:spiffe://a.example/*"], "uri:spiffe://b.example/*", false),
            (&["uri:spiffe://a.example/*"], "uri:*", false),
            (&["ip:10.0.0.0/8"], "ip:10.1.0.0/16", true),
            (&["ip:10.1.0.0/16"], "ip:10.0.0.0/8", false),
            (&["ip:10.0.0.0/8"], "ip:11.0.0.1", false),
            (&["ip:10.0.0.0/8"], "ip:2001:db8::/32", false),
            (&["ip:2001:db8::/32"], "ip:2001:db8:1::/48", true),
        ] {
            assert_eq!(constraints(given).cover(&pattern.parse().unwrap()), covered, "{given:?} {pattern}");
        }
        let holed = Constraints { permitted: vec![], excluded: vec![Subtree::Dns("secret.a.example".into())] };
        for (pattern, covered) in
            [("dns:*.a.example", false), ("dns:*.x.secret.a.example", false), ("dns:*.b.example", true), ("dns:*", false)]
        {
            assert_eq!(holed.cover(&pattern.parse().unwrap()), covered, "{pattern}");
        }
    }

    #[test]
    fn what_is_wider_than_asked_is_told_by_kind() {
        let asked = constraints(&["dns:*.x.a.example", "ip:10.0.0.0/8"]);
        let (all, rest) = (["dNSName", "rfc822Name", "uniformResourceIdentifier", "iPAddress (IPv4)", "iPAddress (IPv6)"], &[][..]);
        assert_eq!(asked.exceeded_by(&[]), all);
        for (given, exceeded) in [
            (&["dns:*.x.a.example", "ip:10.0.0.0/8"][..], rest),
            (&["dns:*.b.x.a.example", "ip:10.1.0.0/16"], rest),
            (&["dns:*.x.a.example", "dns:*.b.example", "ip:10.0.0.0/8"], &["dNSName"]),
            (&["dns:*.x.a.example"], rest),
            (&["dns:*"], &["dNSName"]),
            (&["dns:*.a.example", "ip:10.0.0.0/7"], &["dNSName", "iPAddress (IPv4)"]),
            (&["dns:*.x.a.example", "email:*@a.example", "uri:https://a.example/*", "ip:2001:db8::/32"], &all[1..3]),
            (&["dns:*.x.a.example", "ip:::/0"], rest),
        ] {
            // One that shuts what is not named; in the last two the networks of IPv6 are not shut.
            let made = constraints(given);
            let v6 = given.iter().any(|pattern| pattern.contains("::"));
            let expected: Vec<_> = exceeded.iter().copied().chain(v6.then_some(all[4])).collect();
            assert_eq!(asked.exceeded_by(&[&made]), expected, "{given:?}");
        }
        // Each kind may be kept narrow by another certificate of the chain.
        let names = Constraints { permitted: vec![Subtree::Dns("x.a.example".into())], excluded: vec![] };
        let rest = Constraints {
            permitted: vec![Subtree::Email(NOWHERE.into()), Subtree::Uri(NOWHERE.into())],
            excluded: vec![Subtree::V4(0, 0), Subtree::V6(0, 0)],
        };
        assert_eq!(asked.exceeded_by(&[&names]), all[1..]);
        assert_eq!(asked.exceeded_by(&[&rest]), all[..1]);
        assert_eq!(asked.exceeded_by(&[&names, &rest]), [""; 0]);
        // What is cut out of a wider one is not permitted; half of it is.
        let holed =
            |hole: &str| Constraints { permitted: vec![Subtree::Dns("b.example".into())], excluded: vec![Subtree::Dns(hole.into())] };
        assert_eq!(asked.exceeded_by(&[&holed("b.example"), &rest]), [""; 0]);
        assert_eq!(asked.exceeded_by(&[&holed("c.b.example"), &rest]), ["dNSName"]);
        // Where anything was asked for, nothing is wider.
        assert_eq!(constraints(&["dns:*"]).exceeded_by(&[&rest]), [""; 0]);
    }

    #[test]
    fn foreign_constraints_are_understood_or_refused() {
        let excluded = Constraints { permitted: vec![], excluded: vec![Subtree::Dns("secret.a.example".into())] };
        assert!(!excluded.permit(&"x.secret.a.example".parse().unwrap()));
        assert!(!excluded.permit(&"*.a.example".parse().unwrap()));
        assert!(excluded.permit(&"b.a.example".parse().unwrap()));
        let below = Constraints { permitted: vec![Subtree::Email(".a.example".into())], excluded: vec![] };
        assert!(below.permit(&"email:x@b.a.example".parse().unwrap()));
        assert!(!below.permit(&"email:x@a.example".parse().unwrap()));
        for bad in [
            &[0x30, 0][..],
            &[0x30, 2, 0xa0, 0],
            // directoryName
            &[0x30, 8, 0xa0, 6, 0x30, 4, 0xa4, 2, 0x30, 0],
            // and beside a dNSName, which alone would do
            &[0x30, 13, 0xa0, 11, 0x30, 3, 0x82, 1, b'a', 0x30, 4, 0xa4, 2, 0x30, 0],
            // a minimum of 1
            &[0x30, 10, 0xa0, 8, 0x30, 6, 0x82, 1, b'a', 0x80, 1, 1],
            // an address without mask
            &[0x30, 10, 0xa0, 8, 0x30, 6, 0x87, 4, 1, 2, 3, 4],
        ] {
            assert!(Constraints::from_der(bad).is_err(), "{bad:02x?}");
        }
    }
}
