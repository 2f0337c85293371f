//! What a policy may contain, read from its syntax tree before anything of it is evaluated.

use crate::builtins;
use chancery_domain::enforced;
use regorus::unstable::{ArithOp, Expr, Literal, Module, Query, Ref, Rule, RuleAssign, RuleHead, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most rules of a bundle.
const MOST_RULES: usize = 1000;
/// How deep a rule may go, itself and all that it rests on: the interpreter is recursive.
const DEEPEST: usize = 200;
/// How deep brackets and braces may stand in each other: the parser takes twice as long for each level, as it tries each opening one as
/// the beginning of a comprehension and then as that of a list.
const NESTED: usize = 6;
/// So many faults are told.
const MOST_FAULTS: usize = 20;

/// The rules by which a policy speaks, each a set.
pub(crate) const SPEAKING: [&str; 3] = ["deny", "obligations", "warn"];

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Everything that is wrong with a policy, or the first part of it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Refused(pub Vec<Fault>);

/// Where the rules by which a policy speaks begin: `file:line`.
pub(crate) type Places = BTreeMap<&'static str, String>;

/// Looks through the files of a bundle.
pub(crate) fn check(modules: &[Ref<Module>]) -> Result<Places, Refused> {
    let names: BTreeSet<String> = modules.iter().flat_map(|module| &module.policy).filter_map(|rule| rule_name(rule)).collect();
    let mut seen = Seen { names, ..Seen::default() };
    for module in modules {
        seen.module(module);
    }
    let rules = modules.iter().map(|module| module.policy.len()).sum::<usize>();
    if rules > MOST_RULES && enforced!("policy.rules") {
        seen.faults.insert(0, Fault { file: "bundle".to_owned(), line: 0, message: format!("{rules} rules, at most {MOST_RULES}") });
    } else {
        seen.check_depth();
    }
    if seen.places.is_empty() && seen.faults.is_empty() && enforced!("policy.speaks") {
        let message = "says nothing: declare deny, obligations or warn, as in `deny contains message if { … }`".to_owned();
        seen.faults.push(Fault { file: "bundle".to_owned(), line: 0, message });
    }
    seen.faults.truncate(MOST_FAULTS);
    if seen.faults.is_empty() { Ok(seen.places) } else { Err(Refused(seen.faults)) }
}

/// Looks at a file before it is parsed.
pub(crate) fn check_text(file: &str, text: &str) -> Result<(), Refused> {
    let mut letters = text.chars();
    let (mut open, mut line) = (0_usize, 1_u32);
    while let Some(letter) = letters.next() {
        match letter {
            '[' | '{' => open = open.saturating_add(1),
            ']' | '}' => open = open.saturating_sub(1),
            '\n' => line = line.saturating_add(1),
            '#' => {
                letters.by_ref().find(|letter| *letter == '\n');
                line = line.saturating_add(1);
            }
            '`' => {
                let lines = letters.by_ref().take_while(|letter| *letter != '`').filter(|letter| *letter == '\n').count();
                line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            }
            '"' => {
                let mut escaped = false;
                let mut ends = |letter: char| {
                    let ends = !escaped && (letter == '"' || letter == '\n');
                    escaped = !escaped && letter == '\\';
                    ends
                };
                letters.by_ref().find(|letter| ends(*letter));
            }
            _ => {}
        }
        if open > NESTED && enforced!("policy.nested") {
            let message = format!("brackets and braces stand in each other at most {NESTED} deep: give a part of it a name");
            return Err(Refused(vec![Fault { file: file.to_owned(), line, message }]));
        }
    }
    Ok(())
}

/// What is known of the rules of one name.
#[derive(Default)]
struct Named {
    /// How deep their own expressions are.
    depth: usize,
    /// The rules that they mention.
    mentions: BTreeSet<String>,
    file: String,
    line: u32,
}

#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    rules: BTreeMap<String, Named>,
    /// The rule that is looked through.
    current: Named,
    faults: Vec<Fault>,
    places: Places,
}

impl Seen {
    fn fault(&mut self, span: &Span, message: impl Into<String>) {
        self.faults.push(Fault { file: span.source.file().to_string(), line: span.line, message: message.into() });
    }

    fn module(&mut self, module: &Module) {
        if module.package.refr.span().text() != "chancery" && enforced!("policy.package") {
            self.fault(&module.package.span, "a policy is of the package chancery: `package chancery`");
        }
        for import in &module.imports {
            let text = import.refr.span().text();
            if text != "rego.v1" && !text.starts_with("future.keywords") && enforced!("policy.import") {
                self.fault(&import.span, format!("import {text}: nothing is imported but rego.v1; rules of all files are one package"));
            }
        }
        for rule in &module.policy {
            self.rule(rule);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let Some(name) = rule_name(rule) else {
            return self.fault(rule.span(), "the name of a rule is a single word");
        };
        self.current = Named { file: rule.span().source.file().to_string(), line: rule.span().line, ..Named::default() };
        match rule {
            Rule::Default { args, value, .. } => {
                self.expressions(args, 1);
                self.expression(value, 1);
            }
            Rule::Spec { head, bodies, .. } => {
                self.head(head);
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query, 1);
                }
            }
        }
        if let Some(speaking) = SPEAKING.into_iter().find(|speaking| *speaking == name) {
            let is_set = matches!(rule, Rule::Spec { head: RuleHead::Set { key: Some(_), .. }, .. });
            if !is_set && enforced!("policy.set") {
                self.fault(rule.span(), format!("{name} is a set: `{name} contains … if {{ … }}`"));
            }
            let place = format!("{}:{}", self.current.file, self.current.line);
            self.places.entry(speaking).or_insert(place);
        }
        let current = std::mem::take(&mut self.current);
        let named = self.rules.entry(name).or_insert_with(|| Named { file: current.file, line: current.line, ..Named::default() });
        named.depth = named.depth.max(current.depth);
        named.mentions.extend(current.mentions);
    }

    fn head(&mut self, head: &RuleHead) {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.heading(refr);
                self.assign(assign.as_ref());
            }
            RuleHead::Set { refr, key, .. } => {
                self.heading(refr);
                self.expressions(key.as_slice(), 1);
            }
            RuleHead::Func { refr, args, assign, .. } => {
                self.heading(refr);
                self.expressions(args, 1);
                self.assign(assign.as_ref());
            }
        }
    }

    /// The name itself is no mention of the rule; what stands in brackets behind it is an expression.
    fn heading(&mut self, refr: &Expr) {
        if let Expr::RefBrack { refr, index, .. } = refr {
            self.heading(refr);
            self.expression(index, 1);
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expression(&assign.value, 1);
        }
    }

    fn query(&mut self, query: &Query, depth: usize) {
        for statement in &query.stmts {
            for with in &statement.with_mods {
                if enforced!("policy.with") {
                    self.fault(&with.span, "`with` is for trying rules out: put the input into a fixture");
                }
            }
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    self.expressions(key.as_slice(), depth);
                    self.expression(value, depth);
                    self.expression(collection, depth);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr, depth),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain, depth);
                    self.query(query, depth.saturating_add(1));
                }
            }
        }
    }

    fn expressions(&mut self, expressions: &[Ref<Expr>], depth: usize) {
        for expression in expressions {
            self.expression(expression, depth);
        }
    }

    fn expression(&mut self, expression: &Expr, depth: usize) {
        self.current.depth = self.current.depth.max(depth);
        let deeper = depth.saturating_add(1);
        match expression {
            Expr::String { .. } | Expr::RawString { .. } | Expr::Bool { .. } | Expr::Null { .. } => {}
            Expr::Number { span, .. } => {
                let long = span.text().len() > 20 || span.text().contains(['e', 'E']);
                if long && enforced!("policy.number") {
                    self.fault(span, "a number has at most 20 digits and no exponent");
                }
            }
            Expr::Var { span, .. } => self.variable(span),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.expressions(items, deeper),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expression(key, deeper);
                    self.expression(value, deeper);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term, deeper);
                self.query(query, deeper);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expression(key, deeper);
                self.expression(value, deeper);
                self.query(query, deeper);
            }
            Expr::Call { span, fcn, params, .. } => {
                self.call(span, fcn);
                self.expressions(params, deeper);
            }
            Expr::UnaryExpr { expr, .. } => self.expression(expr, deeper),
            Expr::RefDot { refr, .. } => self.expression(refr, deeper),
            Expr::RefBrack { refr, index, .. } => {
                self.expression(refr, deeper);
                self.expression(index, deeper);
            }
            Expr::ArithExpr { span, op, lhs, rhs, .. } => {
                // A product is as long as both its factors together: squares of squares would fill any memory.
                if *op == ArithOp::Mul && !is_number(lhs) && !is_number(rhs) && enforced!("policy.product") {
                    self.fault(span, "one factor of a product is written as a number");
                }
                self.expression(lhs, deeper);
                self.expression(rhs, deeper);
            }
            Expr::BinExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expression(lhs, deeper);
                self.expression(rhs, deeper);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.expressions(key.as_slice(), deeper);
                self.expression(value, deeper);
                self.expression(collection, deeper);
            }
        }
    }

    fn variable(&mut self, span: &Span) {
        let name = span.text();
        if name == "data" && enforced!("policy.data") {
            self.fault(span, "there is no data: what is asked about stands in input, and a rule is called by its name");
        }
        if self.names.contains(name) {
            self.current.mentions.insert(name.to_owned());
        }
    }

    fn call(&mut self, span: &Span, function: &Expr) {
        let name = function.span().text();
        if self.names.contains(name) {
            self.current.mentions.insert(name.to_owned());
        } else if !builtins::is_allowed(name) && enforced!("policy.function") {
            let why = match name {
                _ if is_outside(name) => "it reads or reaches what is not in the input, and a decision must come out the same again",
                _ if regorus::unstable::BUILTINS.contains_key(name) => "its result can be of any length, or it is of no use to a policy",
                _ => "there is no such function",
            };
            self.fault(span, format!("{name} cannot be called: {why} (docs/policy.md lists what can)"));
        }
    }

    /// A rule that rests on itself never ends, and one that rests on too many others overflows the stack.
    fn check_depth(&mut self) {
        let mut depths = BTreeMap::new();
        let mut faults = Vec::new();
        for name in self.rules.keys() {
            if let Err(fault) = depth(name, &self.rules, &mut depths, &mut BTreeSet::new()) {
                faults.push(fault);
                break;
            }
        }
        self.faults.extend(faults);
    }
}

fn depth<'a>(
    name: &'a str,
    rules: &'a BTreeMap<String, Named>,
    known: &mut BTreeMap<&'a str, usize>,
    open: &mut BTreeSet<&'a str>,
) -> Result<usize, Fault> {
    if let Some(depth) = known.get(name) {
        return Ok(*depth);
    }
    let Some(rule) = rules.get(name) else { return Ok(0) };
    let fault = |message: String| Fault { file: rule.file.clone(), line: rule.line, message };
    if open.contains(name) {
        return if enforced!("policy.recursion") { Err(fault(format!("{name} rests on itself"))) } else { Ok(0) };
    }
    open.insert(name);
    // The set is as deep as this function is in itself.
    if open.len() > DEEPEST {
        return Err(fault(format!("{name} is one of a chain of more than {DEEPEST} rules, at most {DEEPEST} deep is taken")));
    }
    let mut deepest = 0;
    for other in &rule.mentions {
        deepest = deepest.max(depth(other, rules, known, open)?);
    }
    open.remove(name);
    let own = deepest.saturating_add(rule.depth).saturating_add(1);
    if own > DEEPEST && enforced!("policy.depth") {
        return Err(fault(format!("{name} and what it rests on go {own} deep, at most {DEEPEST} are taken")));
    }
    known.insert(name, own);
    Ok(own)
}

/// What a policy could want to know, or to do, outside; told apart for the message alone.
fn is_outside(name: &str) -> bool {
    let families = ["time.", "rand.", "uuid.", "http.", "opa.", "net.", "io.", "crypto.", "rego.", "providers.", "test."];
    name == "print" || name == "trace" || families.into_iter().any(|family| name.starts_with(family))
}

fn is_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Number { .. })
}

/// The first word of a rule's head, if that is all of it but for what stands in brackets.
fn rule_name(rule: &Rule) -> Option<String> {
    let refr = match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }, .. } => refr,
    };
    let mut head = refr.as_ref();
    while let Expr::RefBrack { refr, .. } = head {
        head = refr.as_ref();
    }
    match head {
        Expr::Var { span, .. } => Some(span.text().to_owned()),
        _ => None,
    }
}
