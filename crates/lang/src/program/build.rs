//! From the tree of a file to its meaning, item by item.

use super::assumed;
use super::{Claim, Expectation, Problem, Program};
use crate::ast::{
    self, BaseType, Entry, EntryKind, ExprId, File, Name, Operator, Role, Setting, Side, Tolerance,
};
use crate::case::Case;
use crate::diagnostic::Diagnostic;
use crate::formula::{self, Request};
use crate::lower::children;
use crate::scope::{Declared, Feedback, Meaning};
use crate::source::{Source, Span};
use crate::value::{Refused, constant};
use chainrule_core::graph::op::Facts;
use chainrule_core::node::NodeId;
use chainrule_core::shape::{Dim, Type};
use std::sync::Arc;

/// The meaning of a file.
///
/// What is wrong in the file is added to `diagnostics`, those of its parser.
pub(super) fn build(
    source: Arc<Source>,
    file: Arc<File>,
    diagnostics: Vec<Diagnostic>,
    reading: Reading,
) -> Program {
    let mut b = Build { reading, ..Build::new(&source, &file) };
    b.diagnostics = diagnostics;
    let mut outside = Problem::default();
    outside.scope.open_sizes = reading == Reading::Inline;
    for entry in &file.items {
        if let EntryKind::Problem(p) = &entry.kind {
            let mut problem = Problem {
                label: p.label.text.clone(),
                title: p.title.clone(),
                points: p.points.clone(),
                scope: outside.scope.clone(),
                cases: outside.cases.clone(),
                ..Problem::default()
            };
            if b.problems.iter().any(|known| known.label == problem.label) {
                let message = format!("problem {} stands twice", problem.label);
                b.diagnostics.push(
                    Diagnostic::error("E0102", p.label.span, message)
                        .help("every problem has a label of its own"),
                );
            }
            b.items = &p.items;
            for entry in &p.items {
                b.item(&mut problem, entry);
            }
            b.items = &file.items;
            b.problems.push(problem);
        } else {
            b.item(&mut outside, entry);
        }
    }
    let settings = outside.scope.settings.clone();
    let states = |e: &Entry| is_statement(&e.kind) || matches!(e.kind, EntryKind::Ask(_));
    if file.items.iter().any(states) || b.problems.is_empty() {
        b.problems.push(outside);
    }
    let Build { diagnostics, problems, .. } = b;
    Program { source: source.clone(), file: file.clone(), settings, problems, diagnostics }
}

/// A statement of another text than the declarations, as a claim of a problem.
pub(crate) fn statement(
    problem: &mut Problem,
    source: &Source,
    file: &File,
    equation: &ast::Equation,
    label: &str,
) -> (Claim, Vec<Diagnostic>) {
    let mut b = Build::new(source, file);
    let claim = b.statement(problem, equation, label.to_string(), None, None);
    (claim, b.diagnostics)
}

/// How much of a file is given a meaning.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// Everything.
    Whole,
    /// Everything but its statements.
    Declarations,
    /// Everything, and a size may stay undeclared.
    Inline,
}

struct Build<'b> {
    source: &'b Source,
    file: &'b File,
    reading: Reading,
    /// The items of the problem that is read, or those outside of all.
    items: &'b [Entry],
    diagnostics: Vec<Diagnostic>,
    problems: Vec<Problem>,
}

impl<'b> Build<'b> {
    fn new(source: &'b Source, file: &'b File) -> Build<'b> {
        let (diagnostics, problems) = (Vec::new(), Vec::new());
        Build { source, file, reading: Reading::Whole, items: &file.items, diagnostics, problems }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn item(&mut self, problem: &mut Problem, entry: &Entry) {
        let before = self.diagnostics.len();
        self.one_item(problem, entry);
        if !self.diagnostics[before..].iter().any(|d| d.code == "E0103") {
            return;
        }
        let later = self.items.iter().filter(|e| e.span.start > entry.span.start);
        let later: Vec<&Name> = later.flat_map(declared_by).collect();
        for wrong in self.diagnostics[before..].iter_mut().filter(|d| d.code == "E0103") {
            let name = self.source.slice(wrong.at());
            if let Some(found) = later.iter().find(|n| n.text == name) {
                wrong.help = vec![format!("{name} is declared below: its declaration stands before its use")];
                wrong.labels.push((found.span, "declared here".to_string()));
            }
        }
    }

    fn one_item(&mut self, problem: &mut Problem, entry: &Entry) {
        if self.reading == Reading::Declarations && is_statement(&entry.kind) {
            return;
        }
        match &entry.kind {
            EntryKind::Setting(setting) => self.setting(problem, setting, entry.span),
            EntryKind::Problem(p) => self.report(
                Diagnostic::error("E0016", p.label.span, "a problem stands inside another")
                    .help("close the first with } before"),
            ),
            EntryKind::Dim { names, condition } => self.sizes(problem, names, *condition),
            EntryKind::Declaration { role, names, ty } => self.declaration(problem, *role, names, ty),
            EntryKind::Def { left, value } => self.definition(problem, left, *value),
            EntryKind::Let { name, value } => self.nickname(problem, name, *value),
            EntryKind::Assume(cond) => {
                if let Some(node) = self.condition(problem, *cond) {
                    problem.scope.assumptions.push(node);
                }
            }
            EntryKind::Case { name, values } => {
                if problem.cases.contains_key(&name.text) {
                    self.report(
                        Diagnostic::error("E0102", name.span, format!("case {} stands twice", name.text))
                            .help("another name for the second; values that are shared are written in both"),
                    );
                }
                let case = Case::read(&problem.scope, &self.file.tree, name, values, &mut self.diagnostics);
                problem.cases.insert(name.text.clone(), case);
            }
            EntryKind::Claim(claim) => self.claim(problem, claim, entry.span),
            EntryKind::Expect(expect) => self.expect(problem, expect, entry.span),
            EntryKind::Answer { label, equation } => self.answer(problem, label, equation),
            EntryKind::Ask(ask) => problem.asks.push(ask.clone()),
            EntryKind::Unread { names, .. } => names.iter().for_each(|name| forget(problem, name)),
        }
    }

    fn setting(&mut self, problem: &mut Problem, setting: &Setting, span: Span) {
        let s = &mut problem.scope.settings;
        match setting {
            Setting::IndexBase(base) if *base == 0 || *base == 1 => s.base = *base,
            Setting::IndexBase(base) => self.report(
                Diagnostic::error("E0015", span, format!("indices count from 0 or from 1, not from {base}"))
                    .help("index base 1"),
            ),
            Setting::NumeratorLayout(numerator) => s.numerator_layout = *numerator,
            Setting::Einstein(on) => s.einstein = *on,
            Setting::Title(title) => s.title = Some(title.clone()),
            Setting::FollowThrough => s.follow_through = true,
            Setting::Feedback(word) => {
                if let Some(feedback) = Feedback::ALL.into_iter().find(|f| f.word() == word.text) {
                    s.feedback = feedback;
                } else {
                    self.report(
                        Diagnostic::error(
                            "E0015",
                            word.span,
                            format!("there is no feedback `{}`", word.text),
                        )
                        .help("verdict, hint, counterexample or full"),
                    );
                }
            }
        }
    }

    // ---------------------------------------------------------------- declarations

    fn declare(&mut self, problem: &mut Problem, name: &Name, meaning: Meaning) {
        if matches!(name.text.as_str(), "e" | "pi") {
            let message = format!("{} is declared here, so it is no longer the number", name.text);
            let help = if name.text == "e" {
                "write exp(x) for e^x".to_string()
            } else {
                "another name here keeps pi for the number".to_string()
            };
            self.report(Diagnostic::warning("W0202", name.span, message).help(help));
        }
        if let Some(known) = problem.scope.names.get(&name.text) {
            let first = known.span;
            return self.report(
                Diagnostic::error("E0102", name.span, format!("`{}` is declared twice", name.text))
                    .saying("here again")
                    .label(first, "first declared here")
                    .help("use another name; names of one problem are not seen in another"),
            );
        }
        problem.scope.names.insert(name.text.clone(), Declared { meaning, span: name.span });
    }

    fn sizes(&mut self, problem: &mut Problem, names: &[Name], condition: Option<ExprId>) {
        for name in names {
            self.declare(problem, name, Meaning::Size(Dim::size(&name.text)));
        }
        if let Some(condition) = condition {
            self.equal_sizes(problem, condition);
        }
    }

    /// `where m == n`: one size becomes the other.
    fn equal_sizes(&mut self, problem: &mut Problem, condition: ExprId) {
        let tree = &self.file.tree;
        let wrong = Diagnostic::error(
            "E0015",
            tree.span(condition),
            "a condition on sizes makes one equal to others",
        )
        .help("as in  dim m, n where m == n  or  where m == 2*n");
        let ast::Kind::Binary(Operator::Equal, _, a, b) = *tree.kind(condition) else {
            return self.report(wrong);
        };
        let known = |id| dim_of(tree, id, problem);
        let (Some(x), Some(y)) = (known(a), known(b)) else { return self.report(wrong) };
        let (from, to) = match (x.as_name(), y.as_name()) {
            (Some(name), _) => (name.clone(), y.clone()),
            (_, Some(name)) => (name.clone(), x.clone()),
            _ => return self.report(wrong),
        };
        if to.names().contains(&from) {
            return self.report(wrong);
        }
        for declared in problem.scope.names.values_mut() {
            if let Meaning::Size(dim) = &mut declared.meaning
                && dim.as_name() == Some(&from)
            {
                *dim = to.clone();
            }
        }
    }

    fn declaration(&mut self, problem: &mut Problem, role: Role, names: &[Name], ty: &ast::TypeExpr) {
        let Some(ty) = self.ty(problem, ty) else {
            return names.iter().for_each(|name| forget(problem, name));
        };
        for name in names {
            let facts = Facts { constant: role == Role::Const, ..Facts::default() };
            let facts = assumed::facts(&self.file.tree, self.items, &name.text, &ty, facts);
            match problem.scope.graph.input_with(&name.text, ty.clone(), facts) {
                Ok(node) => self.declare(problem, name, Meaning::Input(node, role)),
                Err(_) if problem.scope.names.contains_key(&name.text) => {
                    self.declare(problem, name, Meaning::Size(Dim::ZERO));
                }
                Err(error) => {
                    let wrong = crate::lower::functions::from_core(&error, name.span, &self.source.text);
                    self.report(wrong);
                }
            }
        }
    }

    fn ty(&mut self, problem: &mut Problem, ty: &ast::TypeExpr) -> Option<Type> {
        let mut shape = Vec::new();
        for &dim in &ty.dims {
            shape.push(self.dim(problem, dim)?);
        }
        Some(match ty.base {
            BaseType::Real => Type::real(shape),
            BaseType::Bool => Type::boolean(shape),
            BaseType::Index(below) => Type::index(self.dim(problem, below)?, shape),
        })
    }

    fn dim(&mut self, problem: &mut Problem, id: ExprId) -> Option<Dim> {
        self.open_sizes(problem, id);
        let found = dim_of(&self.file.tree, id, problem);
        let span = self.file.tree.span(id);
        match found {
            Some(dim) if dim.as_fixed().is_none_or(|n| n >= 0) => Some(dim),
            Some(dim) => {
                self.report(
                    Diagnostic::error("E0107", span, format!("an extent is not negative: {dim}"))
                        .help("whole numbers and sizes, as in  real[n]  or  real[n+1]"),
                );
                None
            }
            None => {
                let source = self.source.slice(span);
                let mut wrong = Diagnostic::error("E0103", span, format!("`{source}` is no size"));
                let sizes = problem.scope.names.iter().filter(|(_, d)| matches!(d.meaning, Meaning::Size(_)));
                let near = crate::scope::nearest(source, sizes.map(|(name, _)| name.as_str()));
                if !near.is_empty() {
                    wrong = wrong.help(format!("did you mean {}?", near.join(", ")));
                }
                let is_name = source.chars().all(|c| c.is_alphanumeric() || c == '_');
                self.report(match problem.scope.find(source) {
                    Some(_) => {
                        wrong.help(format!("{source} is declared as something else; sizes come from  dim"))
                    }
                    None if is_name => wrong.help(format!("declare it:  dim {source}")),
                    None => wrong.help("an extent is a whole number, a size, or a sum or product of these"),
                });
                None
            }
        }
    }

    /// Sizes may stay undeclared where formulas are typed on a command line.
    fn open_sizes(&mut self, problem: &mut Problem, id: ExprId) {
        if !problem.scope.open_sizes {
            return;
        }
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if let ast::Kind::Name(name) = self.file.tree.kind(id)
                && problem.scope.find(name).is_none()
            {
                let name = Name { text: name.clone(), span: self.file.tree.span(id) };
                let meaning = Meaning::Size(Dim::size(&name.text));
                self.declare(problem, &name, meaning);
            }
            children(self.file.tree.kind(id), &mut |c| open.push(c));
        }
    }

    // ---------------------------------------------------------------- definitions

    /// The node of one formula over the given indices.
    fn formula(
        &mut self,
        problem: &mut Problem,
        value: ExprId,
        left: formula::LeftIndices,
        defined: Option<&Name>,
    ) -> Option<NodeId> {
        let count = left.len();
        let written: Vec<String> = left.iter().map(|(letter, ..)| letter.clone()).collect();
        let request = Request {
            tree: &self.file.tree,
            text: &self.source.text,
            sides: &[value],
            left,
            holding: &[],
            rules: None,
        };
        let formula = formula::lower(&mut problem.scope, &request, &mut self.diagnostics)?;
        if let Some(extra) = formula.letters.get(count) {
            let (letter, source) = (&extra.name, self.source.slice(self.file.tree.span(value)));
            let repeats = if problem.scope.settings.einstein {
                ""
            } else {
                "     (`einstein on` sums repeated indices)"
            };
            self.report(
                Diagnostic::error(
                    "E0105",
                    extra.span,
                    format!("{letter} is free on the right but not on the left"),
                )
                .help(format!("did you mean  sum({letter}, {source}) ?{repeats}"))
                .help(match defined {
                    Some(name) => {
                        let mut indices = written;
                        indices.push(letter.clone());
                        format!("or give {0} this index:  def {0}[{1}] = ...", name.text, indices.join(","))
                    }
                    None => format!("or give the left side the index {letter}"),
                }),
            );
            return None;
        }
        if let Some(name) = defined.filter(|_| !formula.taken.is_empty()) {
            problem.scope.taken.insert(name.text.clone(), formula.taken);
        }
        Some(formula.sides[0].node)
    }

    fn definition(&mut self, problem: &mut Problem, left: &ast::Left, value: ExprId) {
        let indices = left.indices.iter().map(|(n, range)| (n.text.clone(), n.span, *range)).collect();
        let Some(node) = self.formula(problem, value, indices, Some(&left.name)) else {
            return forget(problem, &left.name);
        };
        let node = problem.scope.graph.tag(&left.name.text, node);
        self.declare(problem, &left.name, Meaning::Definition(node));
    }

    fn nickname(&mut self, problem: &mut Problem, name: &Name, value: ExprId) {
        let Some(node) = self.formula(problem, value, Vec::new(), Some(name)) else {
            return forget(problem, name);
        };
        if contains_derivative(&self.file.tree, value, problem) {
            problem.scope.derivatives.insert(name.text.clone());
        }
        self.declare(problem, name, Meaning::Nickname(node));
    }

    fn condition(&mut self, problem: &mut Problem, cond: ExprId) -> Option<NodeId> {
        let request = Request {
            tree: &self.file.tree,
            text: &self.source.text,
            sides: &[cond],
            left: Vec::new(),
            holding: &[],
            rules: None,
        };
        let formula = formula::lower(&mut problem.scope, &request, &mut self.diagnostics)?;
        let node = formula.sides[0].node;
        if problem.scope.graph.ty(node).dtype != chainrule_core::shape::DType::Bool {
            self.report(
                Diagnostic::error("E0112", self.file.tree.span(cond), "a condition is expected here")
                    .help("as in  x > 0"),
            );
            return None;
        }
        Some(node)
    }

    // ---------------------------------------------------------------- statements

    fn claim(&mut self, problem: &mut Problem, claim: &ast::Claim, span: Span) {
        let label = match &claim.label {
            Some(label) => label.text.clone(),
            None => (problem.claims.len() + 1).to_string(),
        };
        if problem.claims.iter().any(|known| known.label == label) {
            let first = problem.claims.iter().find(|known| known.label == label).map(|c| c.span);
            let wrong = Diagnostic::error("E0102", span, format!("claim {label} stands twice"));
            self.report(
                wrong
                    .label(first.unwrap_or(span), "the first one")
                    .help("every claim of a problem has a label of its own"),
            );
        }
        let given = claim.given.and_then(|c| self.condition(problem, c));
        let record = self.statement(problem, &claim.equation, label, claim.points.clone(), given);
        problem.claims.push(record);
    }

    /// An equation as a claim; what compares nothing is told apart from what has no meaning.
    fn statement(
        &mut self,
        problem: &mut Problem,
        equation: &ast::Equation,
        label: String,
        points: Option<chainrule_core::rational::Rational>,
        given: Option<NodeId>,
    ) -> Claim {
        let sides: Vec<ExprId> = equation
            .sides
            .iter()
            .filter_map(|s| if let Side::Expr(e) = s { Some(*e) } else { None })
            .collect();
        let asked = sides.len() < equation.sides.len();
        let holding: Vec<String> = equation.holding.iter().map(|n| n.text.clone()).collect();
        for name in &equation.holding {
            if problem.scope.node(&name.text).is_none() {
                self.report(
                    Diagnostic::error("E0103", name.span, format!("`{}` is not declared", name.text))
                        .help("names after `holding` are kept fixed"),
                );
            }
        }
        let request = Request {
            tree: &self.file.tree,
            text: &self.source.text,
            sides: &sides,
            left: Vec::new(),
            holding: &holding,
            rules: None,
        };
        let formula = formula::lower(&mut problem.scope, &request, &mut self.diagnostics);
        let not_comparable = formula.as_ref().and_then(|f| self.incomparable(f));
        let text = self.source.slice(equation.span).split_whitespace().collect::<Vec<_>>().join(" ");
        Claim {
            label,
            text,
            span: equation.span,
            equation: equation.clone(),
            formula: formula.filter(|_| not_comparable.is_none()),
            given,
            points,
            asked,
            not_comparable,
        }
    }

    /// Indices that are free on one side only.
    fn incomparable(&self, formula: &formula::Formula) -> Option<Diagnostic> {
        let first = formula.sides.first()?;
        for side in &formula.sides[1..] {
            if let Some(extra) = side.reads.iter().find(|l| !first.reads.contains(l)) {
                let source = self.source.slice(side.span);
                return Some(
                    Diagnostic::error(
                        "E0105",
                        side.span,
                        format!("{extra} is free on the right but not on the left"),
                    )
                    .help(format!("did you mean  sum({extra}, {source}) ?")),
                );
            }
        }
        None
    }

    fn expect(&mut self, problem: &mut Problem, expect: &ast::Expect, span: Span) {
        let Some(case) = problem.cases.get(&expect.case.text) else {
            let near = crate::scope::nearest(&expect.case.text, problem.cases.keys().map(String::as_str));
            let mut wrong = Diagnostic::error(
                "E0103",
                expect.case.span,
                format!("there is no case {}", expect.case.text),
            );
            let all: Vec<&str> = problem.cases.keys().map(String::as_str).collect();
            if !near.is_empty() {
                wrong = wrong.help(format!("did you mean {}?", near.join(", ")));
            } else if (1..=6).contains(&all.len()) {
                wrong = wrong.help(format!("cases: {}", all.join(", ")));
            }
            return self
                .report(wrong.help(format!("write it before:  case {} {{ x = [1, 2] }}", expect.case.text)));
        };
        let value = match constant(&self.file.tree, expect.right, &case.sizes) {
            Ok(value) => Some(value),
            Err(Refused::Wrong(wrong)) => return self.report(*wrong),
            Err(Refused::Formula) => None,
        };
        let sides: Vec<ExprId> =
            std::iter::once(expect.left).chain(value.is_none().then_some(expect.right)).collect();
        let request = Request {
            tree: &self.file.tree,
            text: &self.source.text,
            sides: &sides,
            left: Vec::new(),
            holding: &[],
            rules: None,
        };
        let formula = formula::lower(&mut problem.scope, &request, &mut self.diagnostics);
        let whole = self.file.tree.span(expect.left).to(self.file.tree.span(expect.right));
        problem.expects.push(Expectation {
            case: expect.case.text.clone(),
            text: self.source.slice(whole).split_whitespace().collect::<Vec<_>>().join(" "),
            span,
            left: expect.left,
            right: expect.right,
            formula,
            constant: value,
            tolerance: expect.tolerance.clone().unwrap_or(Tolerance::Auto),
            points: expect.points.clone(),
        });
    }

    /// An answer in the file of its claim: the claim with the learner's side.
    fn answer(&mut self, problem: &mut Problem, label: &Name, equation: &ast::Equation) {
        let own = label
            .text
            .strip_prefix(problem.label.as_str())
            .unwrap_or(&label.text)
            .trim_start_matches('.')
            .to_string();
        let Some(k) = problem.claims.iter().position(|c| c.label == own) else {
            let labels: Vec<&str> = problem.claims.iter().take(30).map(|c| c.label.as_str()).collect();
            let help = match labels.is_empty() {
                true => "the claim stands before its answer:  claim a: dl/dz = ?".to_string(),
                false => format!("claims: {}", labels.join(", ")),
            };
            return self.report(
                Diagnostic::error("E0103", label.span, format!("there is no claim {} to answer", label.text))
                    .help(help),
            );
        };
        let asked = problem.claims[k].equation.clone();
        let mut whole = equation.clone();
        if let [only] = whole.sides[..] {
            // The answer is the right side alone.
            let mut sides: Vec<Side> =
                asked.sides.iter().copied().filter(|s| matches!(s, Side::Expr(_))).take(1).collect();
            sides.push(only);
            whole.sides = sides;
        }
        let (points, given) = (problem.claims[k].points.clone(), problem.claims[k].given);
        problem.claims[k] = self.statement(problem, &whole, own, points, given);
    }
}

/// Whether an item states something about what others declare.
fn is_statement(kind: &EntryKind) -> bool {
    matches!(kind, EntryKind::Claim(_) | EntryKind::Expect(_) | EntryKind::Answer { .. })
}

/// The names that an item declares.
fn declared_by(entry: &Entry) -> Vec<&Name> {
    match &entry.kind {
        EntryKind::Dim { names, .. } | EntryKind::Declaration { names, .. } => names.iter().collect(),
        EntryKind::Def { left, .. } => vec![&left.name],
        EntryKind::Let { name, .. } => vec![name],
        _ => Vec::new(),
    }
}

/// A name whose definition is wrong: that was told, and its uses are not mistakes of their own.
fn forget(problem: &mut Problem, name: &Name) {
    problem.scope.broken.insert(name.text.clone());
}

/// A size polynomial as written, of declared sizes.
fn dim_of(tree: &ast::Tree, root: ExprId, problem: &Problem) -> Option<Dim> {
    let mut open = vec![root];
    let mut order = Vec::new();
    while let Some(id) = open.pop() {
        order.push(id);
        children(tree.kind(id), &mut |c| open.push(c));
    }
    order.sort();
    let mut dims = std::collections::BTreeMap::new();
    for id in order {
        let of = |e: &ExprId| dims.get(e).cloned();
        let dim: Dim = match tree.kind(id) {
            ast::Kind::Number(n) => n.to_i64().filter(|n| n.abs() < 1 << 40).map(Dim::fixed)?,
            ast::Kind::Name(name) => match problem.scope.find(name)? {
                Meaning::Size(dim) => dim.clone(),
                _ => return None,
            },
            ast::Kind::Negative(a) => -of(a)?,
            ast::Kind::Binary(op, _, a, b) => {
                let (a, b) = (of(a)?, of(b)?);
                match op {
                    Operator::Add => a + b,
                    Operator::Sub => a - b,
                    Operator::Times => a * b,
                    _ => return None,
                }
            }
            _ => return None,
        };
        dims.insert(id, dim);
    }
    dims.remove(&root)
}

fn contains_derivative(tree: &ast::Tree, root: ExprId, problem: &Problem) -> bool {
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        match tree.kind(id) {
            ast::Kind::Derivative(_) => return true,
            ast::Kind::Name(name) if problem.scope.derivatives.contains(name) => return true,
            kind => children(kind, &mut |c| open.push(c)),
        }
    }
    false
}
