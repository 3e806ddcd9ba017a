//! What the letters of an answer stand for: `dy[i]/dV[j,k]` of `dy/dV`.

use chainrule_core::graph::Graph;
use chainrule_core::render::Printer;
use chainrule_core::shape::{Dim, Type};
use chainrule_lang::ast::{Derivative, Kind, Part, Side};
use chainrule_lang::parse::parse_formula;
use chainrule_lang::query::Query;

/// The left side of an answer.
pub(crate) struct Left {
    /// `dy[i]/dV[j,k]`
    pub(crate) text: String,
    /// `\frac{\partial y_i}{\partial V_{jk}}`
    pub(crate) latex: String,
    /// `\frac{\partial y}{\partial V}`
    pub(crate) whole_latex: String,
}

/// A derivative of names by names, as written.
pub(crate) struct Whole {
    /// What is differentiated.
    pub(crate) numerator: String,
    /// By what.
    pub(crate) denominators: Vec<String>,
    /// Whether indices are written.
    pub(crate) indexed: bool,
}

/// The formula, when it is one derivative of a name by names.
pub(crate) fn whole(query: &Query) -> Option<Whole> {
    let (tree, equation) = parse_formula(&query.source).0?;
    let [Side::Expr(side)] = equation.sides[..] else { return None };
    let Kind::Derivative(derivative) = tree.kind(side) else { return None };
    let Derivative { numerator, denominators, order, .. } = &**derivative;
    let mut indexed = false;
    let mut named = |part: &Part| match part {
        Part::Named(name, items) => {
            indexed |= !items.is_empty();
            Some(name.text.clone())
        }
        Part::Expr(e) => match tree.kind(*e) {
            Kind::Name(name) => Some(name.clone()),
            _ => None,
        },
    };
    let numerator = named(numerator)?;
    let mut denominators = denominators.iter().map(&mut named).collect::<Option<Vec<String>>>()?;
    while denominators.len() < *order as usize && denominators.len() == 1 {
        denominators = vec![denominators[0].clone(); *order as usize];
    }
    Some(Whole { numerator, denominators, indexed })
}

/// The left side of the answer whose axes have these letters.
pub(crate) fn left(query: &Query, letters: &[String]) -> Option<Left> {
    let whole = whole(query)?;
    let scope = &query.scope;
    let rank = |name: &str| scope.node(name).map(|n| scope.graph.rank(n));
    let names: Vec<&String> = std::iter::once(&whole.numerator).chain(&whole.denominators).collect();
    let ranks = names.iter().map(|n| rank(n)).collect::<Option<Vec<usize>>>()?;
    if whole.indexed {
        // The indices are the reader's own; in LaTeX every axis of the answer has its letter only when all are letters.
        return None;
    }
    if ranks.iter().sum::<usize>() != letters.len() {
        return None;
    }
    let mut rest = letters;
    let (mut texts, mut indexed, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for (name, rank) in names.iter().zip(ranks) {
        let (own, after) = rest.split_at(rank);
        rest = after;
        texts.push(if own.is_empty() { (*name).clone() } else { format!("{name}[{}]", own.join(",")) });
        indexed.push(typeset(name, own));
        bare.push(typeset(name, &[]));
    }
    let order = whole.denominators.len();
    let power = |sign: &str| if order > 1 { format!("{sign}{order}") } else { String::new() };
    let below: Vec<String> = texts[1..].iter().map(|t| format!("d{t}")).collect();
    let fraction = |parts: &[String]| {
        let below: Vec<String> = parts[1..].iter().map(|p| format!(r"\partial {p}")).collect();
        format!(r"\frac{{\partial{} {}}}{{{}}}", power("^"), parts[0], below.join(r" \, "))
    };
    Some(Left {
        text: format!("d{}{}/{}", power(""), texts[0], below.join("")),
        latex: fraction(&indexed),
        whole_latex: fraction(&bare),
    })
}

/// A name with letters as the LaTeX writer sets it.
pub(crate) fn typeset(name: &str, letters: &[String]) -> String {
    let mut g = Graph::new();
    let shape = vec![Dim::size("n"); letters.len()];
    let Ok(node) = g.input(name, Type::real(shape)) else { return name.to_string() };
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    Printer::new(&g).letters(&letters).index_latex(node).body
}
