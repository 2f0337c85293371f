//! What the sources say of acts that can be switched off: where `enforced!` stands, and the literals that its names are made of.

use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, Lit, Token};

/// A place where an act asks whether it is switched off.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) file: String,
    pub(super) function: String,
    /// The line of code that asks, or the whole of the expression it begins.
    pub(super) code: String,
    /// The parts of its name: a literal, or `None` for what is computed.
    pub(super) parts: Vec<Option<String>>,
}

/// A literal that stands where a rule of [`super::ranges`] looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) file: String,
    pub(super) function: String,
    /// The called function or method, the struct's or variant's last name, or the macro.
    pub(super) what: String,
    /// The number of the argument, or the field's name.
    pub(super) at: String,
    pub(super) text: String,
}

/// A construct in a function, and whether it can be switched off.
#[derive(Clone, Debug)]
pub(super) struct Construct {
    pub(super) file: String,
    pub(super) function: String,
    pub(super) line: usize,
    /// `Failure::Suspended`, `Finding`, `insert_event`.
    pub(super) what: String,
    /// Whether the statement of the function's body in which it stands asks, or the one just before: `if !asks { return } refuse`.
    pub(super) asks: bool,
}

/// Everything read from the product's sources.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) sites: Vec<Site>,
    pub(super) found: Vec<Found>,
    pub(super) constructs: Vec<Construct>,
    /// Literals of whole files, for SQL.
    pub(super) literals: Vec<(String, String)>,
}

/// Reads every file of the product, tests aside.
pub(super) fn read(tree: &Tree) -> Result<Sources> {
    let mut sources = Sources::default();
    for path in tree.files("rs")?.iter().filter(|path| is_product(path)) {
        let text = tree.text(path)?;
        let asked =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| line.matches("enforced!(").count()).sum::<usize>();
        let before = sources.sites.len();
        sources.add(path, &text)?;
        let seen = sources.sites.len() - before;
        if seen != asked && !path.ends_with("domain/src/enforced.rs") {
            bail!("{}: asks {asked} times, {seen} are seen; a question inside another macro cannot be listed", path.display());
        }
    }
    Ok(sources)
}

fn is_product(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    matches!(parts.as_slice(), ["crates", room, "src", rest @ ..] if *room != "testkit" && !rest.iter().any(|part| part.starts_with("tests") || *part == "suite.rs"))
}

impl Sources {
    pub(super) fn add(&mut self, path: &Path, text: &str) -> Result<()> {
        let file = syn::parse_file(text).with_context(|| format!("reading {}", path.display()))?;
        let lines: Vec<_> = text.lines().collect();
        let mut reader = Reader { file: path.to_owned(), lines, functions: Vec::new(), open: None, sources: self };
        reader.visit_file(&file);
        Ok(())
    }
}

struct Reader<'a> {
    file: PathBuf,
    lines: Vec<&'a str>,
    functions: Vec<String>,
    /// The function, by its depth, whose statements are told apart.
    open: Option<usize>,
    sources: &'a mut Sources,
}

impl Reader<'_> {
    fn file(&self) -> String {
        self.file.display().to_string()
    }
    fn function(&self) -> String {
        self.functions.last().cloned().unwrap_or_default()
    }
    fn enter(&mut self, name: String) {
        self.functions.push(name);
    }
    fn leave(&mut self) {
        self.functions.pop();
    }
    fn construct(&mut self, what: String, line: usize) {
        let (file, function) = (self.file(), self.function());
        self.sources.constructs.push(Construct { file, function, line, what, asks: false });
    }
    fn found(&mut self, what: &str, at: String, expression: &Expr) {
        if let Some(text) = literal(expression) {
            self.push(what, at, text);
        }
    }
    fn push(&mut self, what: &str, at: String, text: String) {
        let (file, function) = (self.file(), self.function());
        self.sources.found.push(Found { file, function, what: what.to_owned(), at, text });
    }
    fn arguments(&mut self, what: &str, arguments: &Punctuated<Expr, Token![,]>) {
        for (at, argument) in arguments.iter().enumerate() {
            self.found(what, at.to_string(), argument);
        }
    }
}

/// The last two names of a path: `Failure::Suspended`, `refuse`.
fn name(path: &syn::Path) -> String {
    let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    names.get(names.len().saturating_sub(2)..).unwrap_or_default().join("::")
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Unit tests are no product.
        if !module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            visit::visit_item_mod(self, module);
        }
    }
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.enter(function.sig.ident.to_string());
        visit::visit_item_fn(self, function);
        self.leave();
    }
    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.enter(function.sig.ident.to_string());
        visit::visit_impl_item_fn(self, function);
        self.leave();
    }
    fn visit_block(&mut self, block: &'ast syn::Block) {
        let outermost = self.open == Some(self.functions.len());
        if outermost || self.functions.is_empty() {
            return visit::visit_block(self, block);
        }
        let before = self.open.replace(self.functions.len());
        let mut asked_before = false;
        for statement in &block.stmts {
            let (constructs, sites) = (self.sources.constructs.len(), self.sources.sites.len());
            self.visit_stmt(statement);
            let asks = self.sources.sites.len() > sites;
            self.sources.constructs.iter_mut().skip(constructs).for_each(|construct| construct.asks |= asks || asked_before);
            asked_before = asks;
        }
        self.open = before;
    }
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let name = name(&called.path);
        let arguments = called.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        if name == "enforced" {
            let parts = arguments.iter().flatten().map(literal).collect();
            let line = called.span().start().line;
            let code = self.lines.get(line.saturating_sub(1)).map(|line| line.trim().to_owned()).unwrap_or_default();
            let (file, function) = (self.file(), self.function());
            self.sources.sites.push(Site { file, function, code, parts });
        } else if let Ok(arguments) = arguments {
            // Expressions in a macro's arguments count like any other.
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        } else {
            for token in called.tokens.clone() {
                if let proc_macro2::TokenTree::Literal(text) = token
                    && let Lit::Str(text) = Lit::new(text)
                {
                    self.push(&name, "macro".to_owned(), text.value());
                }
            }
        }
    }
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func {
            self.arguments(&name(&path.path), &call.args);
        }
        visit::visit_expr_call(self, call);
    }
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        self.arguments(&name, &call.args);
        self.construct(name, call.method.span().start().line);
        visit::visit_expr_method_call(self, call);
    }
    // A pattern asks what was made elsewhere.
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.construct(name(&path.path), path.span().start().line);
    }
    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        let name = name(&made.path);
        for field in &made.fields {
            if let syn::Member::Named(member) = &field.member {
                self.found(&name, member.to_string(), &field.expr);
            }
        }
        self.construct(name, made.span().start().line);
        visit::visit_expr_struct(self, made);
    }
    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        let file = self.file();
        self.sources.literals.push((file, text.value()));
    }
}
