//! Single edits of a formula as pieces of text, the smallest first: a sign, an index, a number, a factor, a term.

use crate::ast::{ExprId, Item, Kind, Operator, Tree};
use crate::formula::Formula;
use crate::lower::children;
use crate::scope::{Meaning, Scope};
use crate::source::Span;
use chainrule_core::rational::Rational;
use chainrule_core::shape::DType;
use indexmap::IndexSet;

/// A piece of the text and what stands there instead.
pub(crate) struct Edit {
    pub(crate) span: Span,
    pub(crate) text: String,
    pub(crate) slip: Slipped,
    size: u8,
}

/// The slip that an edit undoes: name, tag, and a sentence.
pub(crate) type Slipped = (&'static str, &'static str, &'static str);

const OF_SIGN: Slipped = ("sign-of-a-term", "slip:sign", "One term has the wrong sign.");
const OF_COMPARISON: Slipped = ("comparison", "slip:mask", "A condition (a mask) compares the wrong way.");
const OF_INDEX: Slipped = ("index", "slip:index", "An index of a factor is another one.");
const OF_DELTA: Slipped = ("delta-pair", "slip:delta", "The delta stands between the wrong pair of indices.");
const OF_LABEL: Slipped = ("label-off-by-one", "slip:label", "The label is off by one: labels count from 0.");
const OF_TRANSPOSE: Slipped =
    ("transpose", "slip:transpose", "A transpose is missing, or there is one too many.");
const OF_ORDER: Slipped = ("argument-order", "slip:index", "Two arguments of a function are exchanged.");
const OF_INVERSE: Slipped =
    ("inverse-missing", "slip:inverse", "A matrix stands there instead of its inverse.");
const OF_NUMBER: Slipped = ("number", "slip:factor", "A number is wrong.");
const OF_EXPONENT: Slipped = ("exponent", "slip:exponent", "An exponent is wrong.");
const OF_FUNCTION: Slipped = ("function", "slip:function", "One function stands there instead of another.");
const OF_KEPT: Slipped = ("function-kept", "slip:function", "A function stands there that has to disappear.");
const OF_FACTOR: Slipped = ("factor-extra", "slip:factor", "There is a factor too many.");
const OF_TERM: Slipped = ("term-extra", "slip:term", "There is a term too many.");
const OF_TWO: Slipped = ("factor-of-a-term", "slip:factor", "A factor 2 or 1/2 is missing.");
const OF_MEAN: Slipped = (
    "size-factor",
    "slip:mean",
    "A size is missing as a factor or divisor: a sum was taken for a mean, or a mean for a sum.",
);
const OF_MISSING_DELTA: Slipped = (
    "delta-missing",
    "slip:delta",
    "A delta is missing: entries with different indices do not depend on each other.",
);
const OF_MISSING_FACTOR: Slipped = (
    "factor-missing",
    "slip:chain",
    "A factor is missing: the inner derivative of the chain rule, or the other factor of a product.",
);
const OF_MASK: Slipped = ("condition-missing", "slip:mask", "A condition (a mask) is missing.");
const OF_MISSING_TERM: Slipped = ("term-missing", "slip:term", "One term is missing.");
const OF_QUOTIENT: Slipped =
    ("quotient", "slip:factor", "A factor stands on the wrong side of the fraction line.");

/// A sign, an index, a transposition, the direction of a comparison.
const SIGN: u8 = 1;
/// A number, an exponent, a function.
const NUMBER: u8 = 2;
/// A factor or a term taken away.
const AWAY: u8 = 3;
/// A factor written beside a term.
const FACTOR: u8 = 4;
/// A term written beside another, a mask, a quotient for a product.
const MORE: u8 = 5;

/// Functions that are taken for each other.
const RELATIVES: [[&str; 2]; 4] = [["sin", "cos"], ["tanh", "sigmoid"], ["sinh", "cosh"], ["exp", "log"]];

/// Functions whose first argument is an index.
const BINDERS: [&str; 8] = ["sum", "prod", "max", "min", "mean", "argmax", "logsumexp", "argmin"];

/// Names that may stand in an edit.
pub(crate) struct Words {
    letters: Vec<String>,
    sizes: Vec<String>,
    /// Numbers.
    scalars: Vec<String>,
    /// Entries of vectors in the letters of the claim, `x[j]`.
    entries: Vec<String>,
    /// Entries of matrices, `W[i,k]`.
    pairs: Vec<String>,
    /// Names of matrices, which may be transposed.
    matrices: Vec<String>,
}

impl Words {
    pub(crate) fn of(scope: &Scope, tree: &Tree, root: ExprId, formula: &Formula) -> Words {
        let mut letters: IndexSet<String> = formula.letters.iter().map(|l| l.name.clone()).collect();
        let free: Vec<String> = letters.iter().cloned().collect();
        for (id, role) in places(tree, root) {
            if role == Role::Binder
                && let Kind::Name(name) = tree.kind(id)
            {
                letters.insert(name.clone());
            }
        }
        let (mut sizes, mut matrices) = (Vec::new(), Vec::new());
        let (mut scalars, mut entries, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for (name, declared) in &scope.names {
            let node = match &declared.meaning {
                Meaning::Size(_) => {
                    sizes.push(name.clone());
                    continue;
                }
                Meaning::Input(node, _) | Meaning::Definition(node) | Meaning::Nickname(node) => *node,
            };
            if scope.graph.ty(node).dtype != DType::Real {
                continue;
            }
            match scope.graph.rank(node) {
                0 => scalars.push(name.clone()),
                1 => entries.extend(free.iter().map(|l| format!("{name}[{l}]"))),
                2 => {
                    matrices.push(name.clone());
                    let two = free.iter().flat_map(|a| free.iter().map(move |b| (a, b)));
                    pairs.extend(two.filter(|(a, b)| a != b).map(|(a, b)| format!("{name}[{a},{b}]")));
                }
                _ => {}
            }
        }
        Words { letters: letters.into_iter().collect(), sizes, scalars, entries, pairs, matrices }
    }
}

/// How an expression is used where it stands.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Role {
    /// A side, a summand, an argument.
    Term,
    /// An operand of a product or a power.
    Factor,
    /// An index, or an argument of `delta`.
    Place,
    /// A part of an index.
    Inner,
    /// The index of a binder.
    Binder,
    /// What is indexed or transposed.
    Base,
}

/// Every expression of a side with its use.
fn places(tree: &Tree, root: ExprId) -> Vec<(ExprId, Role)> {
    let mut all = Vec::new();
    let mut open = vec![(root, Role::Term)];
    while let Some((id, role)) = open.pop() {
        all.push((id, role));
        match tree.kind(id) {
            Kind::Index(base, items) => {
                open.push((*base, Role::Base));
                for item in items {
                    if let Item::Expr(e) = item {
                        open.push((*e, Role::Place));
                    }
                }
            }
            Kind::Transpose(a) => open.push((*a, Role::Base)),
            Kind::Binary(Operator::Add | Operator::Sub, _, a, b)
                if !matches!(role, Role::Place | Role::Inner) =>
            {
                open.extend([(*a, Role::Term), (*b, Role::Term)]);
            }
            Kind::Call(name, args) => {
                let binder = BINDERS.contains(&name.text.as_str()) && args.len() > 1;
                for (k, arg) in args.iter().enumerate() {
                    let Item::Expr(e) = arg.value else { continue };
                    let role = match name.text.as_str() {
                        "delta" | "onehot" => Role::Place,
                        _ if binder && k == 0 => Role::Binder,
                        _ => Role::Term,
                    };
                    open.push((e, role));
                }
            }
            Kind::Derivative(_) => {}
            kind => {
                let role = match role {
                    Role::Place | Role::Inner => Role::Inner,
                    _ => Role::Factor,
                };
                children(kind, &mut |c| open.push((c, role)));
            }
        }
    }
    // In the order of the text.
    all.sort_by_key(|(id, _)| tree.span(*id));
    all
}

/// All single edits, the smallest first.
pub(crate) fn of(tree: &Tree, root: ExprId, text: &str, words: &Words) -> Vec<Edit> {
    let mut w = Writer { tree, text, words, edits: Vec::new() };
    for (id, role) in places(tree, root) {
        match role {
            Role::Binder | Role::Base => {}
            Role::Place => w.place(id),
            Role::Inner => w.letter(id),
            Role::Term | Role::Factor => w.expression(id, role, id == root),
        }
    }
    w.edits.sort_by_key(|e| e.size);
    w.edits
}

struct Writer<'w> {
    tree: &'w Tree,
    text: &'w str,
    words: &'w Words,
    edits: Vec<Edit>,
}

impl Writer<'_> {
    fn push(&mut self, size: u8, slip: Slipped, span: Span, text: impl Into<String>) {
        self.edits.push(Edit { span, text: text.into(), slip, size });
    }

    fn slice(&self, id: ExprId) -> &str {
        let span = self.tree.span(id);
        &self.text[span.start..span.end]
    }

    /// As an operand of a product: in brackets, unless it binds at least as tightly.
    fn operand(&self, id: ExprId) -> String {
        let text = self.slice(id);
        let tight = match self.tree.kind(id) {
            Kind::Binary(o, ..) => matches!(
                o,
                Operator::Times | Operator::Each | Operator::Dot | Operator::Power | Operator::PowerEach
            ),
            Kind::Negative(_) | Kind::Not(_) | Kind::If(..) => false,
            _ => true,
        };
        if tight || text.starts_with('(') && text.ends_with(')') {
            text.to_string()
        } else {
            format!("({text})")
        }
    }

    /// Another letter.
    fn letter(&mut self, id: ExprId) {
        if let Kind::Name(name) = self.tree.kind(id) {
            let words = self.words;
            let before = &self.text[..self.tree.span(id).start];
            let open = before.rfind(['[', '(']).map_or("", |at| &before[..=at]);
            let slip = if open.ends_with("delta(") { OF_DELTA } else { OF_INDEX };
            for letter in words.letters.iter().filter(|l| *l != name) {
                self.push(SIGN, slip, self.tree.span(id), letter.clone());
            }
        }
    }

    /// Edits of an index.
    fn place(&mut self, id: ExprId) {
        self.letter(id);
        let span = self.tree.span(id);
        match self.tree.kind(id) {
            Kind::Name(name) if !self.words.letters.contains(name) => {
                self.push(NUMBER, OF_LABEL, span, format!("{name}+1"));
                self.push(NUMBER, OF_LABEL, span, format!("{name}-1"));
            }
            Kind::Binary(_, _, a, _) => {
                let text = self.slice(*a).to_string();
                self.push(NUMBER, OF_LABEL, span, text);
            }
            Kind::Index(..) => {
                let text = self.slice(id).to_string();
                self.push(NUMBER, OF_LABEL, span, format!("{text}+1"));
                self.push(NUMBER, OF_LABEL, span, format!("{text}-1"));
            }
            _ => {}
        }
    }

    fn expression(&mut self, id: ExprId, role: Role, root: bool) {
        let span = self.tree.span(id);
        let tree = self.tree;
        match tree.kind(id) {
            Kind::Binary(operator, at, a, b) => self.binary(*operator, *at, span, *a, *b),
            Kind::Negative(a) => {
                let text = self.slice(*a).to_string();
                self.push(SIGN, OF_SIGN, span, text);
            }
            Kind::Transpose(a) => {
                let text = self.slice(*a).to_string();
                self.push(SIGN, OF_TRANSPOSE, span, text);
            }
            Kind::Number(n) => self.number(n, span),
            Kind::Name(name) if self.words.matrices.contains(name) => {
                self.push(SIGN, OF_TRANSPOSE, span, format!("{name}'"));
                self.push(NUMBER, OF_INVERSE, span, format!("inv({name})"));
            }
            Kind::Index(base, items) => self.swapped(*base, items),
            Kind::Call(name, args) => {
                for pair in RELATIVES {
                    for (own, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                        if name.text == own {
                            self.push(NUMBER, OF_FUNCTION, name.span, other);
                        }
                    }
                }
                let values: Vec<ExprId> = args
                    .iter()
                    .filter_map(|a| if let Item::Expr(e) = a.value { Some(e) } else { None })
                    .collect();
                match values[..] {
                    [only] if args.len() == 1 => {
                        let text = self.operand(only);
                        self.push(AWAY, OF_KEPT, span, text);
                    }
                    [a, b]
                        if args.iter().all(|a| a.key.is_none()) && !BINDERS.contains(&name.text.as_str()) =>
                    {
                        let text = format!("{}({}, {})", name.text, self.slice(b), self.slice(a));
                        self.push(SIGN, OF_ORDER, span, text);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        if matches!(tree.kind(id), Kind::Name(_) | Kind::Index(..) | Kind::Call(..)) {
            let text = self.slice(id).to_string();
            self.push(NUMBER, OF_EXPONENT, span, format!("{text}^2"));
        }
        if matches!(tree.kind(id), Kind::Name(_) | Kind::Index(..)) {
            self.terms(id);
        }
        if role == Role::Term {
            self.factors(id, root);
        }
    }

    fn binary(&mut self, operator: Operator, at: Span, span: Span, a: ExprId, b: ExprId) {
        use Operator::{
            Add, Dot, Each, Greater, GreaterEqual, Less, LessEqual, Over, OverEach, Power, PowerEach, Sub,
            Times,
        };
        let (left, right) = (self.slice(a).to_string(), self.slice(b).to_string());
        let (left_operand, right_operand) = (self.operand(a), self.operand(b));
        match operator {
            Add | Sub => {
                self.push(SIGN, OF_SIGN, at, if operator == Add { "-" } else { "+" });
                let right = if operator == Add { right } else { format!("-{right_operand}") };
                for kept in [left, right] {
                    let bracketed = self.text[span.start..span.end].starts_with('(') && kept.contains(' ');
                    self.push(AWAY, OF_TERM, span, if bracketed { format!("({kept})") } else { kept });
                }
            }
            Times | Each | Dot => {
                if operator != Dot {
                    self.push(MORE, OF_QUOTIENT, at, if operator == Times { "/" } else { "./" });
                }
                self.push(AWAY, OF_FACTOR, span, left_operand);
                self.push(AWAY, OF_FACTOR, span, right_operand);
            }
            Over | OverEach => {
                self.push(NUMBER, OF_QUOTIENT, at, if operator == Over { "*" } else { ".*" });
                self.push(AWAY, OF_FACTOR, span, left_operand);
                if left != "1" {
                    self.push(AWAY, OF_FACTOR, span, format!("(1/{right_operand})"));
                }
            }
            Power | PowerEach => self.push(NUMBER, OF_EXPONENT, span, left_operand),
            Greater | GreaterEqual | Less | LessEqual => {
                for (other, sign) in [(Greater, ">"), (GreaterEqual, ">="), (Less, "<"), (LessEqual, "<=")] {
                    if other != operator {
                        self.push(SIGN, OF_COMPARISON, at, sign);
                    }
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, n: &Rational, span: Span) {
        let one = Rational::from(1);
        let exponent = self.text[..span.start].trim_end_matches(['(', ' ']).ends_with('^');
        let slip = if exponent { OF_EXPONENT } else { OF_NUMBER };
        for other in [n + &one, n - &one] {
            // A factor 1 or a term 0 is one that is taken away.
            if other.denom() == 1.into() && other > one {
                self.push(NUMBER, slip, span, other.to_string());
            }
        }
    }

    /// Two indices of an array exchanged.
    fn swapped(&mut self, base: ExprId, items: &[Item]) {
        let exprs: Vec<ExprId> =
            items.iter().filter_map(|i| if let Item::Expr(e) = i { Some(*e) } else { None }).collect();
        if exprs.len() != items.len() || exprs.len() < 2 {
            return;
        }
        let spans: Vec<Span> = exprs.iter().map(|&e| self.tree.span(e)).collect();
        let whole = spans[0].to(*spans.last().expect("invariant: two indices"));
        debug_assert!(self.tree.span(base).end <= whole.start);
        for i in 0..exprs.len() {
            for j in i + 1..exprs.len() {
                let mut order = exprs.clone();
                order.swap(i, j);
                let list: Vec<&str> = order.iter().map(|&e| self.slice(e)).collect();
                let list = list.join(",");
                self.push(SIGN, OF_INDEX, whole, list);
            }
        }
    }

    /// The text with a factor before it, the sign of the text in front of both.
    fn times(&self, factor: &str, id: ExprId) -> String {
        let own = self.slice(id);
        let binary = matches!(self.tree.kind(id), Kind::Binary(..));
        let (sign, rest) = match own.strip_prefix('-') {
            Some(rest) if binary => ("-", rest.to_string()),
            _ => ("", self.operand(id)),
        };
        match rest.strip_prefix('1').map(str::trim_start) {
            Some("") => format!("{sign}{factor}"),
            Some(over) if over.starts_with('/') => format!("{sign}{factor} {over}"),
            _ => format!("{sign}{factor}*{rest}"),
        }
    }

    /// A sign, a factor or another term beside a term.
    fn factors(&mut self, id: ExprId, root: bool) {
        let (span, text, words) = (self.tree.span(id), self.operand(id), self.words);
        let quotient = matches!(self.tree.kind(id), Kind::Binary(Operator::Over | Operator::OverEach, ..));
        let over = if quotient { self.slice(id).to_string() } else { text };
        // The sign of what follows another term is that of the operator before it.
        let behind = self.text[..span.start].trim_end().ends_with(['+', '-']);
        if !over.starts_with('-') && !behind {
            self.push(SIGN, OF_SIGN, span, format!("-{over}"));
        }
        let two = self.times("2", id);
        self.push(FACTOR, OF_TWO, span, two);
        self.push(FACTOR, OF_TWO, span, format!("{over}/2"));
        for n in &words.sizes {
            let product = self.times(n, id);
            self.push(FACTOR, OF_MEAN, span, product);
            self.push(FACTOR, OF_MEAN, span, format!("{over}/{n}"));
        }
        for (k, a) in words.letters.iter().enumerate() {
            for b in &words.letters[k + 1..] {
                let product = self.times(&format!("delta({a},{b})"), id);
                self.push(FACTOR, OF_MISSING_DELTA, span, product);
            }
        }
        for factor in words.scalars.iter().chain(&words.entries).chain(&words.pairs) {
            let product = self.times(factor, id);
            self.push(FACTOR, OF_MISSING_FACTOR, span, product);
        }
        for n in &words.scalars {
            self.push(FACTOR, OF_MISSING_FACTOR, span, format!("{over}/{n}"));
        }
        for entry in words.scalars.iter().chain(&words.entries).filter(|_| root) {
            let product = self.times(&format!("[{entry} > 0]"), id);
            self.push(MORE, OF_MASK, span, product);
        }
    }

    /// What is subtracted from an entry or added to it.
    fn terms(&mut self, id: ExprId) {
        let (span, text, words) = (self.tree.span(id), self.slice(id).to_string(), self.words);
        let alone = self.text[..span.start].ends_with('(') && self.text[span.end..].starts_with(')');
        for other in words.scalars.iter().chain(&words.entries).filter(|o| **o != text) {
            for sign in ["-", "+"] {
                let total = format!("{text} {sign} {other}");
                self.push(MORE, OF_MISSING_TERM, span, if alone { total } else { format!("({total})") });
            }
        }
    }
}
