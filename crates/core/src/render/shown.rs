//! What is written: a small tree of formulas, the same for text and for LaTeX.
//!
//! Nothing in it refers to the graph, letters are chosen, and its depth is bounded, so writers may recurse.
//! `exp(z[i]) / s - delta(i,y)` is a sum of a product `exp(z[i]) · s⁻¹` and a delta with coefficient −1.

use crate::graph::op::Logic;
use crate::ops::map::Map;
use crate::rational::Rational;
use crate::shape::Dim;

/// How tightly an operator holds its operands, loosest first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    If,
    Or,
    And,
    Not,
    Relation,
    Sum,
    Product,
    Power,
    Atom,
}

/// Operations that bind a letter.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Binder {
    Sum,
    Prod,
    Max,
    Min,
    ArgMax,
}

impl Binder {
    /// As written before the parenthesis.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Binder::Sum => "sum",
            Binder::Prod => "prod",
            Binder::Max => "max",
            Binder::Min => "min",
            Binder::ArgMax => "argmax",
        }
    }
}

/// A letter and its range.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) letter: String,
    /// Its first value, as the reader counts: 0 or 1.
    pub(crate) first: i64,
    /// It takes this many values.
    pub(crate) extent: Dim,
    /// True when the axes that it touches tell the reader so.
    pub(crate) told: bool,
}

/// `scan(t=0..n-1, h <- step(h, x[t], w); h0)`
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    /// The letter of positions, with the first and the last of them in the order of steps.
    pub(crate) time: String,
    pub(crate) from: Dim,
    pub(crate) to: Dim,
    /// Names of the carries.
    pub(crate) carries: Vec<String>,
    /// The step, applied.
    pub(crate) step: Shown,
    /// Carries before the first step.
    pub(crate) initial: Vec<Shown>,
}

/// A formula.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Number(Rational),
    /// A size polynomial.
    Size(Dim),
    /// An input, a letter, a definition.
    Name(String),
    /// Text that both writers copy: literals.
    Verbatim(String),
    Pi,
    /// `base[indices]`
    Entry(Box<Shown>, Vec<Shown>),
    /// `f(arguments)`; options as `axis=0` are the last ones.
    Call(&'static str, Vec<Shown>),
    /// A function of the user's.
    Apply(String, Vec<Shown>),
    /// The trajectory of a recurrence.
    Scan(Box<Recurrence>),
    /// One of several carries: `base.name`.
    Carry(Box<Shown>, String),
    /// An elementwise primitive, written by its record; true for whole arrays.
    Map(&'static Map, Vec<Shown>),
    /// `Σ coefficient · term`, in reading order.
    Sum(Vec<(Rational, Shown)>),
    /// `over / under`
    Product(Vec<Shown>, Vec<Shown>),
    Power(Box<Shown>, u32),
    /// `sum(letter, body)`
    Over(Binder, Bound, Box<Shown>),
    /// A letter on the left of `=`, with its range where the formula does not tell it.
    Axis(Bound),
    /// `term div size` or `term mod size`.
    Division(&'static str, Box<Shown>, Dim),
    Delta(Box<Shown>, Box<Shown>),
    /// `[condition]`
    Bracket(Box<Shown>),
    Relation(&'static str, Box<Shown>, Box<Shown>),
    Logic(Logic, Vec<Shown>),
    /// `value if condition else other`, in this order: condition, value, other.
    If(Box<[Shown; 3]>),
    /// `A @ B @ x`; true when the first factor is a vector.
    Dot(Vec<Shown>, bool),
    /// `x .* y ./ z` of whole arrays.
    Elementwise(Vec<Shown>, Vec<Shown>),
    /// `A .^ 2` of a whole matrix.
    ElementPower(Box<Shown>, u32),
    Transpose(Box<Shown>),
}

impl Shown {
    /// A whole number.
    pub(crate) fn integer(n: i64) -> Shown {
        Shown::Number(Rational::from(n))
    }

    /// `name` or `name[at]`.
    pub(crate) fn entry(base: Shown, at: &[Shown]) -> Shown {
        if at.is_empty() { base } else { Shown::Entry(Box::new(base), at.to_vec()) }
    }

    /// A product whose factors that are products themselves are written side by side.
    pub(crate) fn product(over: Vec<Shown>, under: Vec<Shown>) -> Shown {
        let (mut top, mut bottom) = (Vec::new(), Vec::new());
        over.into_iter().for_each(|f| f.spread(&mut top, &mut bottom));
        under.into_iter().for_each(|f| f.spread(&mut bottom, &mut top));
        top.sort_by_key(Shown::place);
        if top.iter().any(|f| matches!(f, Shown::Delta(..) | Shown::Bracket(_))) {
            super::guards::merge(&mut top);
        }
        match (top.len(), bottom.len()) {
            (0, 0) => Shown::integer(1),
            (1, 0) => top.swap_remove(0),
            _ => Shown::Product(top, bottom),
        }
    }

    /// Deltas before entries, sums after them, brackets last.
    fn place(&self) -> u8 {
        match self {
            Shown::Delta(..) => 0,
            Shown::Over(..) => 2,
            Shown::Bracket(_) => 3,
            _ => 1,
        }
    }

    fn spread(self, over: &mut Vec<Shown>, under: &mut Vec<Shown>) {
        match self {
            Shown::Product(a, b) => {
                over.extend(a);
                under.extend(b);
            }
            Shown::Number(one) if one.is_one() => {}
            other => over.push(other),
        }
    }

    /// `base^power`
    pub(crate) fn power(base: Shown, power: u32) -> Shown {
        if power == 1 { base } else { Shown::Power(Box::new(base), power) }
    }

    /// `coefficient · shown`
    pub(crate) fn scaled(coefficient: &Rational, shown: Shown) -> Shown {
        match shown {
            shown if coefficient.is_one() => shown,
            Shown::Number(n) => Shown::Number(coefficient * &n),
            shown => Shown::Sum(vec![(coefficient.clone(), shown)]),
        }
    }

    /// How tightly the outermost operator holds, as text.
    pub(crate) fn level(&self) -> Level {
        match self {
            Shown::Number(n) if n.is_negative() => Level::Sum,
            Shown::Number(n) if !n.is_integer() => Level::Product,
            Shown::Size(d) => size_level(d),
            Shown::Map(map, _) => template_level(map.text),
            Shown::Sum(terms) => match terms.as_slice() {
                [(c, _)] if !c.is_negative() => Level::Product,
                _ => Level::Sum,
            },
            Shown::Product(..) | Shown::Dot(..) | Shown::Elementwise(..) => Level::Product,
            Shown::Division(..) => Level::Product,
            Shown::Power(..) | Shown::ElementPower(..) => Level::Power,
            Shown::Relation(..) => Level::Relation,
            Shown::Logic(Logic::And, _) => Level::And,
            Shown::Logic(Logic::Or, _) => Level::Or,
            Shown::Logic(Logic::Not, _) => Level::Not,
            Shown::If(_) => Level::If,
            _ => Level::Atom,
        }
    }

    /// A name, an entry, a whole number, or a power of one: what stands without spaces in a product.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Shown::Number(n) => n.is_integer() && !n.is_negative(),
            Shown::Name(_) | Shown::Pi => true,
            Shown::Size(_) => self.level() == Level::Atom,
            Shown::Entry(base, _) => matches!(**base, Shown::Name(_)),
            Shown::Power(base, _) => base.is_plain(),
            _ => false,
        }
    }

    /// A number that holds no letter and no name.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Shown::Number(_) | Shown::Pi | Shown::Size(_) | Shown::Verbatim(_) => true,
            Shown::Sum(terms) => terms.iter().all(|(_, t)| t.is_constant()),
            Shown::Product(a, b) => a.iter().chain(b).all(Shown::is_constant),
            Shown::Map(_, args) => args.iter().all(Shown::is_constant),
            Shown::Power(base, _) => base.is_constant(),
            _ => false,
        }
    }

    /// Number of symbols, for the reading order of sums.
    pub(crate) fn weight(&self) -> usize {
        let all = |list: &[Shown]| list.iter().map(Shown::weight).sum::<usize>();
        1 + match self {
            Shown::Number(_) | Shown::Size(_) | Shown::Name(_) | Shown::Verbatim(_) | Shown::Pi => 0,
            Shown::Entry(base, at) => base.weight() - 1 + all(at),
            Shown::Call(_, args) | Shown::Apply(_, args) | Shown::Map(_, args) => all(args),
            Shown::Scan(scan) => scan.step.weight() + all(&scan.initial),
            Shown::Carry(base, _) => base.weight(),
            Shown::Logic(_, args) | Shown::Dot(args, _) => all(args),
            Shown::Sum(terms) => terms.iter().map(|(_, t)| t.weight()).sum(),
            Shown::Product(a, b) | Shown::Elementwise(a, b) => all(a) + all(b),
            Shown::Power(x, _) | Shown::ElementPower(x, _) | Shown::Transpose(x) => x.weight(),
            Shown::Over(_, _, x) => 1 + x.weight(),
            Shown::Axis(_) => 0,
            Shown::Division(_, x, _) => 1 + x.weight(),
            Shown::Bracket(x) => x.weight(),
            Shown::Delta(a, b) | Shown::Relation(_, a, b) => a.weight() + b.weight(),
            Shown::If(parts) => all(&parts[..]),
        }
    }
}

/// The level of a size polynomial, from how it is written.
fn size_level(dim: &Dim) -> Level {
    let text = dim.to_string();
    match () {
        () if text.contains(' ') || text.starts_with('-') => Level::Sum,
        () if text.contains('*') => Level::Product,
        () if text.contains('^') => Level::Power,
        () => Level::Atom,
    }
}

/// A template with a placeholder outside of parentheses is an operator (`{a}^{b}`), any other a call.
fn template_level(template: &str) -> Level {
    if template.starts_with('{') { Level::Power } else { Level::Atom }
}

/// The placeholders of a template and the arguments they stand for.
pub(crate) fn placeholder(name: &str, arity: usize) -> Option<usize> {
    let names: &[&str] = match arity {
        1 => &["x"],
        2 => &["a", "b"],
        _ => &["x", "a", "b"],
    };
    names.iter().position(|n| *n == name)
}
