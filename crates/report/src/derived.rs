//! A derivative that was asked for, as one record: what every format of `derive` prints.
//!
//! The record is made from a [`Query`] and holds nothing that was not compared with dual numbers in the same call:
//! how far that comparison went stands in [`Derived::verified`], and [`Derived::standing`] says what it is worth.

mod domain;
mod guards;
mod json;
mod kinks;
mod latex;
mod left;
mod numpy;
mod stable;
mod structure;
mod text;
mod wrap;

pub use json::json;
pub(crate) use json::kinks as kinks_json;
pub use kinks::{Kink, hit};
pub use latex::latex;
pub use text::text;
pub(crate) use wrap::wrapped;

use chainrule_core::node::NodeId;
use chainrule_core::render::{Printer, Text};
use chainrule_core::shape::Dim;
use chainrule_lang::query::Query;
use chainrule_lang::scope::Meaning;
use chainrule_lang::verify::{TOLERANCE, Verified};

/// So many shared subterms are printed: more is read by programs only, and those have the graph.
const DEFINITIONS: usize = 60;

/// A formula is cut behind so many characters, which is said.
const CHARACTERS: usize = 20_000;

/// Which notations are printed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Notation {
    /// `sum(j, V[i,j]*x[j])`
    Index,
    /// `V @ x`
    Matrix,
    /// Both, where both exist.
    #[default]
    Both,
}

/// How far the comparison with dual numbers went.
#[derive(Clone, PartialEq, Debug)]
pub enum Comparison {
    /// There is no derivative in the formula.
    Nothing,
    /// Compared at random points.
    Points(Verified),
    /// At no point were both sides finite; the reason, where an evaluation gave one.
    Nowhere(String),
}

/// What a comparison is worth.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// Verified, or nothing to verify.
    Right,
    /// No point could be tested.
    Undecided,
    /// The formula and the dual numbers differ: a mistake of this program.
    Disagrees,
}

/// Everything that is printed of a derivative.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The formula as asked.
    pub expr: String,
    /// `real[n]`
    pub ty: String,
    /// Extents of its axes.
    pub shape: Vec<Dim>,
    /// `dy[i]/dV[j,k]`: what the letters of the index notation stand for, where it can be said.
    pub left: Option<String>,
    /// In index notation.
    pub index: Text,
    /// In vectorised notation, when there is one.
    pub vectorised: Option<Text>,
    /// How it is evaluated, where that differs from how it is written, and why.
    pub evaluated: Option<(Text, &'static str)>,
    /// In LaTeX, index notation.
    pub latex: Text,
    /// In LaTeX, matrix notation, when there is one.
    pub matrix_latex: Option<Text>,
    /// Left sides in LaTeX: index notation, matrix notation.
    pub latex_left: Option<(String, String)>,
    /// As a NumPy expression, when there is an exporter.
    pub numpy: Option<String>,
    /// Which entries can be non-zero, where not all can.
    pub structure: Option<String>,
    /// What the derivative does to an upstream gradient.
    pub acts_as: Option<String>,
    /// Where it is valid, in one line.
    pub valid_for: String,
    /// Conditions under which it is valid.
    pub assumptions: Vec<String>,
    /// Where a convention decides the answer.
    pub kinks: Vec<Kink>,
    /// How far it was compared with dual numbers.
    pub verified: Comparison,
}

impl Derived {
    /// The record of a query; every derivative in it is compared with dual numbers on the way.
    ///
    /// # Errors
    /// What printing or rebuilding refuses; none for a query as `Program::query` gives it.
    pub fn new(query: &mut Query) -> chainrule_core::Result<Derived> {
        let verified = compared(query);
        let names = Names::of(query)?;
        let node = query.node;
        let letters: Vec<String> = query.formula.letters.iter().map(|l| l.name.clone()).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).filter(|l| !l.is_empty()).collect();
        let kinks = kinks::conventions(query, &names)?;
        let acts_as = structure::acts_as(query, &names)?;
        let evaluated = stable::evaluated(query, &names)?;
        let domain = domain::domain(query, &names)?;
        let printer = names.printer(query).letters(&letters);
        let at = printer.free_letters(node);
        let left = left::left(query, &at);
        Ok(Derived {
            expr: query.source.text.split_whitespace().collect::<Vec<_>>().join(" "),
            ty: query.scope.graph.ty(node).to_string(),
            shape: query.shape.clone(),
            index: capped(printer.index_text(node)),
            vectorised: printer.vector_text(node).map(capped),
            evaluated: evaluated.map(|(text, why)| (capped(text), why)),
            latex: capped(printer.index_latex(node)),
            matrix_latex: printer.vector_latex(node).map(capped),
            latex_left: left.as_ref().map(|l| (l.latex.clone(), l.whole_latex.clone())),
            left: left.map(|l| l.text),
            numpy: numpy::numpy(query),
            structure: structure::structure(&query.scope.graph, node),
            acts_as,
            valid_for: domain.sentence,
            assumptions: domain.assumptions,
            kinks,
            verified,
        })
    }

    /// What the comparison is worth.
    pub fn standing(&self) -> Standing {
        self.verified.standing()
    }
}

impl Comparison {
    /// What the comparison is worth.
    pub fn standing(&self) -> Standing {
        match self {
            Comparison::Nothing => Standing::Right,
            Comparison::Points(v) if v.points == 0 => Standing::Undecided,
            Comparison::Points(v) if v.worst > TOLERANCE => Standing::Disagrees,
            Comparison::Points(_) => Standing::Right,
            Comparison::Nowhere(_) => Standing::Undecided,
        }
    }

    /// In one line.
    pub fn sentence(&self) -> String {
        match self {
            Comparison::Nothing => "there is no derivative in it".to_string(),
            Comparison::Points(v) if v.points == 0 => {
                "NOT VERIFIED: at no random point were both sides finite".to_string()
            }
            Comparison::Points(v) if v.worst > TOLERANCE => format!(
                "DISAGREES with dual numbers by {:.1e}: a mistake of this program, please report it",
                v.worst
            ),
            Comparison::Points(v) => format!(
                "with dual numbers at {} random points, largest relative difference {}",
                v.points,
                if v.worst == 0.0 { "0".to_string() } else { format!("{:.1e}", v.worst) }
            ),
            Comparison::Nowhere(why) => format!("NOT VERIFIED: {why}"),
        }
    }
}

/// Compares every derivative of a query with dual numbers.
pub fn compared(query: &mut Query) -> Comparison {
    if query.formula.taken.is_empty() {
        return Comparison::Nothing;
    }
    match query.verify() {
        Ok(verified) if verified.points > 0 => Comparison::Points(verified),
        Ok(_) => Comparison::Nowhere("at no random point were both sides finite".to_string()),
        Err(error) => Comparison::Nowhere(error.to_string().replace('\n', "; ")),
    }
}

/// Names that answers may use: those of definitions.
pub(crate) struct Names(Vec<(NodeId, String)>);

impl Names {
    /// Definitions by their opened nodes, as the formula's node holds them.
    pub(crate) fn of(query: &mut Query) -> chainrule_core::Result<Names> {
        let defined: Vec<(String, NodeId)> = query
            .scope
            .names
            .iter()
            .filter_map(|(name, d)| match d.meaning {
                Meaning::Definition(node) => Some((name.clone(), node)),
                _ => None,
            })
            .collect();
        let g = &mut query.scope.graph;
        let mut names = Vec::new();
        for (name, node) in defined {
            let opened = g.lower(&[node], &[])?.outputs;
            let flat = g.simplify(&opened, &chainrule_core::simplify::Options::default())?.outputs;
            for node in [opened[0], flat[0]] {
                if is_worth_a_name(g, node) {
                    names.push((node, name.clone()));
                }
            }
        }
        Ok(Names(names))
    }

    /// A printer that knows them.
    pub(crate) fn printer<'q>(&self, query: &'q Query) -> Printer<'q> {
        let names: Vec<(NodeId, &str)> = self.0.iter().map(|(n, name)| (*n, name.as_str())).collect();
        Printer::new(&query.scope.graph)
            .names(&names)
            .index_base(query.scope.settings.base)
            .max_definitions(DEFINITIONS)
    }

    /// What is written for a node: nothing below a name that stands for it.
    pub(crate) fn written(&self, g: &chainrule_core::Graph, root: NodeId) -> Vec<NodeId> {
        let mut seen = std::collections::BTreeSet::from([root]);
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if node != root && self.get(node).is_some() {
                continue;
            }
            open.extend(g.args(node).into_iter().filter(|&a| seen.insert(a)));
        }
        seen.into_iter().filter(|&n| n == root || self.get(n).is_none()).collect()
    }

    /// The name of a node.
    pub(crate) fn get(&self, node: NodeId) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == node).map(|(_, name)| name.as_str())
    }
}

/// Inputs and numbers are shorter than any name for them.
fn is_worth_a_name(g: &chainrule_core::Graph, node: NodeId) -> bool {
    use chainrule_core::graph::op::Op::{Input, Literal, Pi, Rational, Size, Zero};
    !matches!(g.op(node), Input(_) | Literal(_) | Pi | Rational(_) | Size(_) | Zero(_))
}

/// The text, cut where it is longer than anyone reads.
fn capped(mut text: Text) -> Text {
    let cut = |formula: &mut String| {
        let count = formula.chars().count();
        if count > CHARACTERS {
            let kept: String = formula.chars().take(CHARACTERS).collect();
            *formula = format!("{kept} ... (cut: {CHARACTERS} of {count} characters are printed)");
        }
    };
    cut(&mut text.body);
    text.definitions.iter_mut().for_each(|(_, formula)| cut(formula));
    text
}

/// The formula with its definitions, in one string: `t1 + t1^2\nwhere t1 = ...`.
pub(crate) fn flat(text: &Text) -> String {
    text.to_string().replace("\n  where", "\nwhere")
}
