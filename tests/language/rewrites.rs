//! Random rewrites of right claims are never called wrong; random mutations are never called right.
//!
//! The right side of a claim is written out again from its tree, fully bracketed, with a rewrite that keeps its value
//! at some places, or with one mutation at one place. A mutation that changes nothing (a shift inside of a softmax) is
//! told from one that does by evaluating both sides at random points, apart from every proof.
//!
//! `CHAINRULE_REWRITES=1` runs 1,000 of both.

use super::claims::patient;
use super::folder;
use chainrule_check::Budget;
use chainrule_core::dice::Dice;
use chainrule_core::eval::Bindings;
use chainrule_core::shape::{DType, Sizes};
use chainrule_core::tensor::{Tensor, Value};
use chainrule_lang::ast::{ExprId, Item, Kind, Operator, Side, Tree};
use chainrule_lang::judge::{Outcome, Record};
use chainrule_lang::program::{Claim, Problem, Program};
use chainrule_lang::scope::Meaning;
use chainrule_lang::source::Source;

/// A claim of the corpus with the text of its problem.
struct Case {
    file: String,
    /// The problem without its claims; claims stand before its last brace.
    setting: String,
    /// `dE/dw[j]`
    left: String,
    tree: Tree,
    right: ExprId,
    text: String,
    label: String,
}

fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    for (file, text) in folder("claims") {
        let program = Program::new(Source::new(&file, text.as_str()));
        let settings: Vec<String> = text.split("\nproblem ").skip(1).map(setting).collect();
        for (problem, setting) in program.problems.iter().zip(settings) {
            for claim in problem.claims.iter().filter(|c| c.label.starts_with('r')) {
                let sides = &claim.equation.sides;
                let (Side::Expr(left), Side::Expr(right)) = (&sides[0], &sides[1]) else { continue };
                let tree = program.file.tree.clone();
                let span = tree.span(*left);
                list.push(Case {
                    file: file.clone(),
                    setting: setting.clone(),
                    left: text[span.start..span.end].to_string(),
                    right: *right,
                    tree,
                    text: text.clone(),
                    label: problem.full_label(&claim.label),
                });
            }
        }
    }
    list
}

fn setting(problem: &str) -> String {
    let lines =
        problem.lines().take_while(|line| *line != "}").filter(|line| !line.trim().starts_with("claim "));
    format!("problem {}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// What is done while a formula is written.
struct Writer<'c> {
    case: &'c Case,
    dice: &'c mut Dice,
    /// Rewrites that are still allowed.
    rewrites: usize,
    /// One in so many places is rewritten.
    rarity: usize,
    /// Counts down to the place of the one mutation.
    mutation: Option<usize>,
    /// What was done, for the story of a failure.
    done: Vec<&'static str>,
    /// Bound indices with their new letters.
    letters: Vec<(String, String)>,
}

impl Writer<'_> {
    fn source(&self, id: ExprId) -> String {
        let span = self.case.tree.span(id);
        self.case.text[span.start..span.end].to_string()
    }

    fn rewrite(&mut self, what: &'static str) -> bool {
        let now = self.rewrites > 0 && self.dice.below(self.rarity) == 0;
        if now {
            self.rewrites -= 1;
            self.done.push(what);
        }
        now
    }

    /// A formula of numbers.
    fn formula(&mut self, id: ExprId) -> String {
        let written = self.plain(id);
        if let Some(left) = &mut self.mutation {
            if *left == 0 {
                self.mutation = None;
                return self.mutated(&written);
            }
            *left -= 1;
        }
        if self.rewrite("brackets") {
            return format!("({written})");
        }
        if self.rewrite("plus nothing") {
            return format!("({written} + 0)");
        }
        if self.rewrite("times one") {
            return format!("(1 * {written})");
        }
        if self.rewrite("two halves") {
            return format!("({written} / 2 + {written} / 2)");
        }
        written
    }

    fn mutated(&mut self, written: &str) -> String {
        let (what, text) = match self.dice.below(6) {
            0 | 1 => ("times 1.000001", format!("(1.000001 * {written})")),
            2 => ("negated", format!("(-{written})")),
            3 => ("doubled", format!("(2 * {written})")),
            4 => ("plus 0.000001", format!("({written} + 0.000001)")),
            _ => ("minus a part", format!("({written} - {written} / 3)")),
        };
        self.done.push(what);
        text
    }

    fn plain(&mut self, id: ExprId) -> String {
        let case = self.case;
        match case.tree.kind(id) {
            Kind::Name(name) => self.letter(name),
            Kind::Negative(a) => format!("(-{})", self.formula(*a)),
            Kind::Transpose(a) => match case.tree.kind(*a) {
                Kind::Name(_) | Kind::Call(..) => format!("{}'", self.plain(*a)),
                _ => format!("({})'", self.formula(*a)),
            },
            Kind::Index(base, items) => {
                let items: Vec<String> = items.iter().map(|item| self.item(item)).collect();
                match case.tree.kind(*base) {
                    Kind::Name(_) | Kind::Call(..) => format!("{}[{}]", self.plain(*base), items.join(",")),
                    _ => format!("({})[{}]", self.formula(*base), items.join(",")),
                }
            }
            Kind::Binary(operator, _, a, b) => self.binary(*operator, *a, *b),
            Kind::If(a, c, b) => {
                let (a, c, b) = (self.formula(*a), self.fixed(*c), self.formula(*b));
                format!("({a} if {c} else {b})")
            }
            Kind::Call(name, args) => self.call(id, &name.text, args),
            _ => self.fixed(id),
        }
    }

    fn binary(&mut self, operator: Operator, a: ExprId, b: ExprId) -> String {
        let sum = |id: ExprId| match self.case.tree.kind(id) {
            Kind::Binary(Operator::Add, _, a, b) => Some((*a, *b)),
            _ => None,
        };
        let parts = (sum(a), sum(b));
        match operator {
            Operator::Times | Operator::Each | Operator::Dot => {
                let sign = [" * ", " .* ", " @ "][[Operator::Times, Operator::Each, Operator::Dot]
                    .iter()
                    .position(|o| *o == operator)
                    .unwrap()];
                if let (Some((x, y)), _) = parts
                    && self.rewrite("distributed from the right")
                {
                    let (x, y, b) = (self.formula(x), self.formula(y), self.formula(b));
                    return format!("({x}{sign}{b} + {y}{sign}{b})");
                }
                if let (_, Some((x, y))) = parts
                    && self.rewrite("distributed from the left")
                {
                    let (a, x, y) = (self.formula(a), self.formula(x), self.formula(y));
                    return format!("({a}{sign}{x} + {a}{sign}{y})");
                }
                let (a, b) = (self.factor(a), self.factor(b));
                match operator != Operator::Dot && self.rewrite("factors exchanged") {
                    true => format!("({b}{sign}{a})"),
                    false => format!("({a}{sign}{b})"),
                }
            }
            Operator::Add => {
                let (a, b) = (self.formula(a), self.formula(b));
                if self.rewrite("terms exchanged") { format!("({b} + {a})") } else { format!("({a} + {b})") }
            }
            Operator::Sub => {
                let (a, b) = (self.formula(a), self.formula(b));
                if self.rewrite("minus in front") { format!("(-{b} + {a})") } else { format!("({a} - {b})") }
            }
            Operator::Over => {
                let (a, b) = (self.formula(a), self.formula(b));
                if self.rewrite("times a reciprocal") {
                    format!("({a} * (1 / {b}))")
                } else {
                    format!("({a} / {b})")
                }
            }
            Operator::Power | Operator::PowerEach => {
                let sign = if operator == Operator::Power { "^" } else { " .^ " };
                let (base, exponent) = (self.formula(a), self.fixed(b));
                let square = matches!(self.case.tree.kind(b), Kind::Number(n) if *n == 2.into());
                if square && operator == Operator::Power && self.rewrite("square written out") {
                    return format!("({base} * {base})");
                }
                format!("({base}{sign}({exponent}))")
            }
            _ => {
                let between = &self.case.text[self.case.tree.span(a).end..self.case.tree.span(b).start];
                format!("({}{between}{})", self.fixed(a), self.fixed(b))
            }
        }
    }

    /// A transposed row must stand as it is.
    fn factor(&mut self, id: ExprId) -> String {
        match self.case.tree.kind(id) {
            Kind::Transpose(_) => self.plain(id),
            _ => self.formula(id),
        }
    }

    fn call(&mut self, id: ExprId, name: &str, args: &[chainrule_lang::ast::Arg]) -> String {
        let case = self.case;
        let bound = match args {
            [first, second] if first.key.is_none() && second.key.is_none() => {
                match (&first.value, &second.value) {
                    (Item::Expr(letter), Item::Expr(body)) => match case.tree.kind(*letter) {
                        Kind::Name(letter) if ["sum", "mean"].contains(&name) => {
                            Some((letter.clone(), *body))
                        }
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some((letter, body)) = bound {
            let fresh = match self.rewrite("index renamed") {
                true => ["u1", "v1", "w1"][self.dice.below(3)].to_string(),
                false => letter.clone(),
            };
            self.letters.push((letter, fresh.clone()));
            let split = match case.tree.kind(body) {
                Kind::Binary(Operator::Add, _, a, b) if name == "sum" && self.rewrite("sum split") => {
                    Some((*a, *b))
                }
                _ => None,
            };
            let text = match split {
                Some((a, b)) => {
                    format!("(sum({fresh}, {}) + sum({fresh}, {}))", self.formula(a), self.formula(b))
                }
                None => format!("{name}({fresh}, {})", self.formula(body)),
            };
            self.letters.pop();
            return text;
        }
        if let [only] = args
            && let (None, Item::Expr(inner)) = (&only.key, &only.value)
        {
            if name == "softmax" && self.rewrite("softmax opened") {
                let z = self.fixed(*inner);
                return format!("(exp({z}) / sum(exp({z})))");
            }
            if ["exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos", "diag", "relu"].contains(&name) {
                return format!("{name}({})", self.formula(*inner));
            }
        }
        self.fixed(id)
    }

    fn item(&mut self, item: &Item) -> String {
        match item {
            Item::Expr(id) => self.fixed(*id),
            Item::Range(a, b) => format!("{}..{}", self.fixed(*a), self.fixed(*b)),
            Item::All(_) => ":".to_string(),
        }
    }

    /// As written, with renamed letters.
    fn fixed(&mut self, id: ExprId) -> String {
        let (mut out, mut word) = (String::new(), String::new());
        for c in self.source(id).chars().chain(['\n']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
            } else {
                out += &self.letter(&std::mem::take(&mut word));
                out.push(c);
            }
        }
        out.trim_end().to_string()
    }

    fn letter(&self, name: &str) -> String {
        let renamed = self.letters.iter().rev().find(|(from, _)| from == name);
        renamed.map_or(name, |(_, to)| to).to_string()
    }
}

fn written(
    case: &Case,
    dice: &mut Dice,
    rewrites: usize,
    mutation: Option<usize>,
) -> (String, Vec<&'static str>) {
    let mut writer =
        Writer { case, dice, rewrites, rarity: 6, mutation, done: Vec::new(), letters: Vec::new() };
    let text = writer.formula(case.right);
    (text, writer.done)
}

/// The claim with another right side; `None` where that is no formula.
fn judge(case: &Case, right: &str, budget: &Budget) -> Option<(Program, Record)> {
    let text = format!("{}  claim r: {} = {right}\n}}\n", case.setting, case.left);
    let program = Program::new(Source::new(&case.file, text));
    if program.has_errors() || program.problems[0].claims[0].formula.is_none() {
        return None;
    }
    let record = program.judge_problem(0, budget).pop()?;
    Some((program, record))
}

fn size_of_the_run(short: usize, long: usize) -> usize {
    if std::env::var("CHAINRULE_REWRITES").is_ok() { long } else { short }
}

#[test]
fn rewrites_of_right_claims_are_never_wrong() {
    let (cases, mut dice) = (cases(), Dice::new(0x5eed));
    let wanted = size_of_the_run(400, 1_000);
    let (mut proved, mut tested, mut conditional, mut undecided, mut unread) = (0, 0, 0, 0, 0);
    let mut broken = Vec::new();
    let mut kinds: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for k in 0.. {
        if proved + tested + conditional + undecided >= wanted {
            break;
        }
        let case = &cases[k % cases.len()];
        let (right, done) = written(case, &mut dice, 3, None);
        if done.is_empty() {
            continue;
        }
        let Some((program, record)) = judge(case, &right, &patient()) else {
            unread += 1;
            continue;
        };
        done.iter().for_each(|what| *kinds.entry(what).or_default() += 1);
        match record.word() {
            "proved" => proved += 1,
            "tested" => tested += 1,
            "undecided" => undecided += 1,
            "conditional" if convention(&record) => conditional += 1,
            word => broken
                .push(format!("{} {word} {}: {:?}\n{}", case.file, case.label, done, program.source.text)),
        }
        assert!(broken.len() < 5, "{}", broken.join("\n"));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    println!(
        "{proved} proved, {tested} tested, {conditional} at kinks, {undecided} undecided; {unread} are no formulas"
    );
    println!("{kinds:?}");
    assert!(100 * proved >= 90 * (wanted - conditional), "{proved} proved");
    assert!(10 * unread <= wanted, "{unread} rewrites are no formulas");
    assert!(kinds.len() >= 12, "{kinds:?}");
}

fn convention(record: &Record) -> bool {
    match &record.outcome {
        Outcome::Judged(judged) => judged.report.counterexample.is_none(),
        _ => false,
    }
}

#[test]
fn mutations_of_right_claims_are_never_right() {
    let (cases, mut dice) = (cases(), Dice::new(0xbad));
    let wanted = size_of_the_run(150, 1_000);
    let (mut refuted, mut conditional, mut undecided, mut same) = (0, 0, 0, 0);
    let mut broken = Vec::new();
    for k in 0.. {
        if refuted + conditional + undecided + same >= wanted {
            break;
        }
        let case = &cases[k % cases.len()];
        let place = dice.below(12);
        let (right, done) = written(case, &mut dice, 0, Some(place));
        if done.is_empty() {
            continue;
        }
        let Some((program, record)) = judge(case, &right, &Budget::default()) else {
            continue;
        };
        match record.word() {
            "wrong" => refuted += 1,
            "undecided" => undecided += 1,
            "conditional" if !convention(&record) => conditional += 1,
            word => match differ(&program.problems[0], &program.problems[0].claims[0], &mut dice) {
                false => same += 1,
                true => broken.push(format!("{word}: {:?}\n{}", done, program.source.text)),
            },
        }
    }
    println!(
        "{refuted} refuted, {conditional} only under a condition, {undecided} undecided, {same} change nothing"
    );
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(100 * refuted >= 85 * wanted && 20 * same <= wanted, "{refuted} refuted, {same} the same");
}

/// Whether the two sides differ at one of some random points, in plain numbers.
fn differ(problem: &Problem, claim: &Claim, dice: &mut Dice) -> bool {
    let formula = claim.formula.as_ref().unwrap();
    let mut graph = problem.scope.graph.clone();
    let sides: Vec<_> = formula.sides.iter().map(|s| s.node).collect();
    let nodes = graph.lower(&sides, &[]).unwrap().outputs;
    for round in 0..12 {
        let mut sizes = Sizes::new();
        for declared in problem.scope.names.values() {
            if let Meaning::Size(dim) = &declared.meaning {
                sizes.extend(dim.names().into_iter().map(|name| (name, 2 + (round + 1) % 3)));
            }
        }
        let mut bindings = Bindings::<f64>::new();
        for (name, declared) in &problem.scope.names {
            let Meaning::Input(node, _) = &declared.meaning else { continue };
            let input = graph.as_input(*node).unwrap();
            let shape: Vec<usize> =
                input.ty.shape.iter().map(|d| d.evaluate(&sizes).unwrap() as usize).collect();
            let count = shape.iter().product();
            let value = match input.ty.dtype {
                DType::Real => {
                    let low = if input.facts.positive || round % 2 == 0 { 0.2 } else { -1.0 };
                    let mut entries: Vec<f64> = (0..count).map(|_| dice.between(low, 1.0)).collect();
                    if let (true, &[n, _]) = (input.facts.symmetric, &shape[..]) {
                        (0..n * n)
                            .for_each(|k| entries[k] = entries[(k % n).max(k / n) * n + (k % n).min(k / n)]);
                    }
                    Value::Real(Tensor::new(&shape, entries).unwrap())
                }
                DType::Int => Value::Int(
                    Tensor::new(&shape, (0..count).map(|_| dice.below(2) as i64).collect()).unwrap(),
                ),
                DType::Bool => Value::Bool(
                    Tensor::new(&shape, (0..count).map(|_| dice.below(2) == 0).collect()).unwrap(),
                ),
            };
            bindings.bind(name, value);
        }
        for (name, size) in &sizes {
            bindings = bindings.with_size(name, *size);
        }
        let Ok(values) = graph.evaluate(&nodes, &bindings) else { continue };
        let (a, b) = (values[0].real().unwrap(), values[1].real().unwrap());
        let largest = a.data().iter().fold(0.0f64, |m, x| m.max(x.abs()));
        if a.data().iter().zip(b.data()).any(|(x, y)| (x - y).abs() > 1e-11 * largest.max(1e-3)) {
            return true;
        }
    }
    false
}
