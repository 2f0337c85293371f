//! Types that hold a secret must not print it (I9). Which types those are is found, not listed: whoever has a field that is
//! erased when dropped, and whoever has one of those.

use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::{self, Visit};

/// What says of a field that it is a secret: it is erased, or one of the library's private keys.
const ERASED: [&str; 8] =
    ["Zeroizing", "SecretString", "SecretBox", "EcdsaKeyPair", "Ed25519KeyPair", "RsaKeyPair", "PqdsaKeyPair", "LessSafeKey"];
/// Fields that hold one as a plain text, in what is sent and received.
const NAMED: [&str; 5] = ["token", "enrolment_token", "private_key", "password", "passphrase"];
/// Ways to print.
const PRINTS: [&str; 5] = ["Debug", "Display", "Serialize", "LowerHex", "UpperHex"];
/// A type of the product.
#[derive(Default)]
struct Type {
    file: String,
    /// The names in its fields' types.
    holds: BTreeSet<String>,
    /// The names of those fields, or their numbers, with the names in their types.
    fields: Vec<(String, BTreeSet<String>)>,
    derives: BTreeSet<String>,
    erases: bool,
    /// Whether it stands in the API's document.
    sent: bool,
}

/// A handwritten way to print a type: which fields it looks at.
struct Written {
    file: String,
    what: String,
    of: String,
    fields: BTreeSet<String>,
}

#[derive(Default)]
struct Types {
    types: BTreeMap<String, Vec<Type>>,
    written: Vec<Written>,
    erased: BTreeSet<String>,
}

/// Fails on a type that holds a secret and can print it.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut types = Types::default();
    for path in tree.files("rs")?.iter().filter(|path| is_product(path)) {
        types.add(path, &tree.text(path)?)?;
    }
    let secret = types.secret();
    let wrong = types.wrong(&secret);
    wrong.iter().for_each(|line| println!("{line}"));
    if !wrong.is_empty() {
        bail!("{} types print a secret; keep it out of what they print, or let them print nothing", wrong.len());
    }
    println!("{} types hold a secret, none prints it: {}", secret.len(), secret.into_iter().collect::<Vec<_>>().join(", "));
    Ok(())
}

fn is_product(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    matches!(parts.as_slice(), ["crates", room, "src", rest @ ..] if *room != "testkit" && !rest.iter().any(|part| part.starts_with("tests")))
}

impl Types {
    fn add(&mut self, path: &Path, text: &str) -> Result<()> {
        let file = syn::parse_file(text).with_context(|| format!("reading {}", path.display()))?;
        Reader { file: path.display().to_string(), types: self }.visit_file(&file);
        Ok(())
    }

    /// The names of the types that hold a secret, by themselves or in a field's type.
    fn secret(&self) -> BTreeSet<String> {
        let mut secret: BTreeSet<String> = self.erased.clone();
        loop {
            let known = |name: &String| ERASED.contains(&name.as_str()) || secret.contains(name);
            let more = self.types.iter().filter(|(_, types)| types.iter().any(|it| it.erases || it.holds.iter().any(known)));
            let more: BTreeSet<_> = more.map(|(name, _)| name.clone()).collect();
            if more.is_subset(&secret) {
                return secret;
            }
            secret.extend(more);
        }
    }

    fn wrong(&self, secret: &BTreeSet<String>) -> Vec<String> {
        let is_secret = |name: &String| ERASED.contains(&name.as_str()) || secret.contains(name);
        let redacted = |name: &String| self.written.iter().any(|written| written.what == "Debug" && written.of == *name);
        let mut wrong = Vec::new();
        for (name, it) in self.types.iter().flat_map(|(name, types)| types.iter().map(move |it| (name, it))) {
            if !it.holds.iter().any(is_secret) && !it.erases {
                continue;
            }
            // What is sent gives its secret out: it is written as JSON, and printed by nothing else.
            // To derive is sound where every secret field has a handwritten way that keeps it.
            let bare = it.erases || it.holds.iter().any(|held| is_secret(held) && !redacted(held));
            let prints = |derived: &&String| PRINTS.contains(&derived.as_str()) && (bare || *derived != "Debug");
            for derived in it.derives.iter().filter(prints).filter(|derived| !(it.sent && *derived == "Serialize")) {
                wrong.push(format!("{}: {name} holds a secret and derives {derived}", it.file));
            }
        }
        for written in self.written.iter().filter(|written| secret.contains(&written.of)) {
            let fields = self.types.get(&written.of).into_iter().flatten().flat_map(|it| &it.fields);
            for (field, _) in fields.filter(|(field, holds)| written.fields.contains(field) && holds.iter().any(is_secret)) {
                wrong.push(format!("{}: {} of {} shows its field {field}, which holds a secret", written.file, written.what, written.of));
            }
        }
        wrong
    }
}

struct Reader<'a> {
    file: String,
    types: &'a mut Types,
}

impl Reader<'_> {
    fn add<'f>(&mut self, name: &syn::Ident, attributes: &[syn::Attribute], fields: impl Iterator<Item = &'f syn::Field>) {
        let mut it = Type { file: self.file.clone(), ..Type::default() };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let _ = attribute.parse_nested_meta(|derived| {
                it.derives.extend(derived.path.segments.last().map(|last| last.ident.to_string()));
                Ok(())
            });
        }
        it.sent = it.derives.contains("ToSchema");
        it.erases = it.derives.iter().any(|derived| derived == "ZeroizeOnDrop" || derived == "Zeroize");
        for (number, field) in fields.enumerate() {
            let mut names = Names::default();
            names.visit_type(&field.ty);
            let plain = field.ident.as_ref().is_some_and(|name| NAMED.contains(&name.to_string().as_str())) && names.0.contains("String");
            it.erases |= plain;
            it.holds.extend(names.0.iter().cloned());
            it.fields.push((field.ident.as_ref().map_or(number.to_string(), ToString::to_string), names.0));
        }
        self.types.types.entry(name.to_string()).or_default().push(it);
    }
}

/// The names in a type.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.0.insert(segment.ident.to_string());
        visit::visit_path_segment(self, segment);
    }
}

/// The fields of itself that a handwritten way to print shows; their lengths tell nothing.
#[derive(Default)]
struct Shown(BTreeSet<String>);

impl<'ast> Visit<'ast> for Shown {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method != "len" {
            visit::visit_expr_method_call(self, call);
        }
    }
    fn visit_expr_if(&mut self, choice: &'ast syn::ExprIf) {
        // What a test build may show with the redaction switched off (domain::enforced) is not what the product shows.
        match &*choice.cond {
            syn::Expr::Macro(asked) if asked.mac.path.is_ident("enforced") => self.visit_block(&choice.then_branch),
            syn::Expr::Unary(not) if matches!(&*not.expr, syn::Expr::Macro(asked) if asked.mac.path.is_ident("enforced")) => {}
            _ => visit::visit_expr_if(self, choice),
        }
    }
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        called.parse_body_with(parser).iter().flatten().for_each(|argument| self.visit_expr(argument));
    }
    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if matches!(&*field.base, syn::Expr::Path(path) if path.path.is_ident("self")) {
            self.0.insert(match &field.member {
                syn::Member::Named(name) => name.to_string(),
                syn::Member::Unnamed(number) => number.index.to_string(),
            });
        }
        visit::visit_expr_field(self, field);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            visit::visit_item_mod(self, module);
        }
    }
    fn visit_item_struct(&mut self, it: &'ast syn::ItemStruct) {
        self.add(&it.ident, &it.attrs, it.fields.iter());
    }
    fn visit_item_enum(&mut self, it: &'ast syn::ItemEnum) {
        self.add(&it.ident, &it.attrs, it.variants.iter().flat_map(|variant| variant.fields.iter()));
    }
    fn visit_item_impl(&mut self, it: &'ast syn::ItemImpl) {
        let Some((_, path, _)) = &it.trait_ else { return };
        let (Some(what), syn::Type::Path(of)) = (path.segments.last(), &*it.self_ty) else { return };
        let (what, Some(of)) = (what.ident.to_string(), of.path.segments.last().map(|last| last.ident.to_string())) else { return };
        let mut shown = Shown::default();
        shown.visit_item_impl(it);
        if PRINTS.contains(&what.as_str()) {
            self.types.written.push(Written { file: self.file.clone(), what, of, fields: shown.0 });
        } else if what == "Drop" && quoted(it).contains("zeroize") {
            self.types.erased.insert(of);
        }
    }
}

/// The method calls of an implementation, by name.
fn quoted(it: &syn::ItemImpl) -> BTreeSet<String> {
    #[derive(Default)]
    struct Calls(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Calls {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            self.0.insert(call.method.to_string());
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut calls = Calls::default();
    calls.visit_item_impl(it);
    calls.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> usize {
        let mut types = Types::default();
        types.add(Path::new("a.rs"), text).unwrap();
        types.wrong(&types.secret()).len()
    }

    #[test]
    fn a_secret_that_prints_is_found() {
        for text in [
            "#[derive(Debug)] struct A(Zeroizing<String>);",
            "#[derive(Debug)] enum A { B(Zeroizing<String>), C }",
            "#[derive(Serialize)] struct A { key: Option<Zeroizing<Vec<u8>>> }",
            "struct A(Zeroizing<String>); #[derive(Debug)] struct B { a: Arc<A> }",
            "struct A([u8; 32]); impl Drop for A { fn drop(&mut self) { self.0.zeroize(); } } #[derive(Debug)] struct B(A);",
            "#[derive(Clone, Debug, ZeroizeOnDrop)] struct A([u8; 32]);",
            "#[derive(Debug, Serialize, ToSchema)] struct A { private_key: String }",
            "struct A { token: Option<String> } #[derive(Debug, Serialize, ToSchema)] struct B { a: A }",
            "struct A(Zeroizing<String>); impl fmt::Debug for A { fn fmt(&self) { write!(f, \"{}\", self.0) } }",
            "struct A { key: Zeroizing<String> } impl Display for A { fn fmt(&self) { f.write_str(&self.key) } }",
        ] {
            assert_eq!(wrong(text), 1, "{text}");
        }
    }

    #[test]
    fn what_keeps_it_is_left_alone() {
        for text in [
            "struct A(Zeroizing<String>);",
            "#[derive(Clone)] struct A(Zeroizing<String>);",
            "#[derive(Debug)] struct A(String);",
            "struct A(Zeroizing<String>); impl Debug for A { fn fmt(&self) { f.write_str(\"A\") } }",
            "struct A(Zeroizing<String>); impl Debug for A { fn fmt(&self) { write!(f, \"{}\", self.0.len()) } }",
            "struct A(Zeroizing<String>); impl Debug for A { fn fmt(&self) { f.write_str(\"A\") } } #[derive(Debug)] struct B { a: A }",
            "#[derive(Serialize, ToSchema)] struct A { private_key: String }",
            "#[derive(Debug)] struct A { token: TokenId }",
            "#[cfg(test)] mod tests { #[derive(Debug)] struct A(Zeroizing<String>); }",
        ] {
            assert_eq!(wrong(text), 0, "{text}");
        }
    }
}
