//! Answers: a verdict, how it was reached, and what a learner needs to see next.

use chainrule_core::Graph;
use chainrule_core::shape::Sizes;
use chainrule_core::tensor::Value;
use std::fmt;
use std::time::Duration;

/// What a question is answered with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// How it was reached, one sentence.
    pub how: How,
    /// Domain conditions that a proof used, as printed; empty for all real inputs.
    pub domain: Vec<String>,
    /// Slips that give exactly the claim, most specific first.
    pub slips: Vec<Slip>,
    /// A property that the truth has and the claim does not.
    pub invariant: Option<Invariant>,
    /// Where a claim that is right only under a condition fails.
    pub counterexample: Option<Box<Counterexample>>,
    /// Time that the answer took.
    pub time: Duration,
}

impl Report {
    /// The most specific slip.
    pub fn diagnosis(&self) -> Option<&Slip> {
        self.slips.first()
    }
}

/// How a verdict was reached.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum How {
    /// Both sides are the same node.
    SameNode,
    /// The difference has an empty canonical form.
    CanonicalForm,
    /// The difference is empty at the deciding size and all smaller ones, and is generic in its variables.
    BySizes,
    /// Values agree at points.
    Points,
    /// Residues agree at random points.
    Residues,
    /// Values differ at a point.
    Counterexample,
    /// The types alone decide.
    Types,
    /// The budget ended, or no point was usable.
    Nothing,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::SameNode => "both sides are the same expression",
            How::CanonicalForm => "both sides have the same canonical form, for all sizes",
            How::BySizes => "equal entry by entry at the deciding size and all smaller ones",
            How::Points => "equal at every point that was tried",
            How::Residues => "equal at random points modulo a prime",
            How::Counterexample => "they differ at a point, certified in exact or interval arithmetic",
            How::Types => "the shapes decide",
            How::Nothing => "neither a proof nor a counterexample was found",
        })
    }
}

/// Whether a claim is right.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Equal for all sizes and all real inputs of the domain.
    Proved,
    /// Equal at every usable point.
    Tested(Tested),
    /// Equal after exchanging the numerator's axes with the denominator's.
    Layout,
    /// Equal exactly where the condition holds.
    Conditional(Condition),
    /// Different.
    Wrong(Box<Counterexample>),
    /// Shapes or entries differ; says which.
    NotComparable(String),
    /// Neither proved nor refuted; says why.
    Undecided(String),
}

impl Verdict {
    /// The word of the verdict in machine-readable output.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Proved => "proved",
            Verdict::Tested(_) => "tested",
            Verdict::Layout => "layout",
            Verdict::Conditional(_) => "conditional",
            Verdict::Wrong(_) => "wrong",
            Verdict::NotComparable(_) => "not-comparable",
            Verdict::Undecided(_) => "undecided",
        }
    }

    /// True for a claim that is right without a condition.
    pub fn is_right(&self) -> bool {
        matches!(self, Verdict::Proved | Verdict::Tested(_))
    }
}

/// The points at which two formulas agree.
#[derive(Clone, Debug, Default)]
pub struct Tested {
    /// Usable points.
    pub points: usize,
    /// Points outside the domain, or beyond the budget of a point.
    pub unusable: usize,
    /// Assignments of sizes that were tried, as printed: `m = 2, n = 3`.
    pub sizes: Vec<String>,
    /// Boundaries of comparisons that were met, of those in the formulas.
    pub boundaries: (usize, usize),
    /// Agreement modulo primes, where that test applies.
    pub modular: Option<Modular>,
}

/// Agreement at random points modulo primes of 55 to 61 bits.
///
/// It is no proof: formulas that differ at these sizes agree at such points with a probability of at most `2^-bits`.
/// Functions that are not rational count as variables of their own. Nothing is said of other sizes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Modular {
    /// Random points.
    pub points: usize,
    /// The sizes at those points, as printed: `m = 19, n = 7`.
    pub sizes: Vec<String>,
    /// Bits of certainty.
    pub bits: u32,
}

/// A condition under which a claim is right.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// As printed: `x[i] != 0 for all i`.
    pub text: String,
    /// The exceptions have measure zero.
    pub almost_everywhere: bool,
    /// Elsewhere a derivative does not exist, and the claim agrees with the engine's convention there.
    pub convention: bool,
    /// What kind of condition it is.
    pub kind: ConditionKind,
}

/// Kinds of conditions, weakest first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum ConditionKind {
    /// Differentiable: away from a kink.
    Kink,
    /// Away from the boundary of a comparison.
    Boundary,
    /// Inside a cell of a comparison.
    Cell,
    /// Entries above 0.
    Positive,
    /// A symmetric matrix.
    Symmetric,
    /// An orthogonal matrix.
    Orthogonal,
    /// Two sizes are equal, or a size is 1.
    Sizes,
}

/// A point at which two formulas certainly differ.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// Values of the sizes.
    pub sizes: Sizes,
    /// Values of the inputs, in order of declaration.
    pub point: Vec<(String, Value<f64>)>,
    /// The first entry at which they differ.
    pub index: Vec<usize>,
    /// Value of the claim.
    pub yours: Value<f64>,
    /// Value of the truth.
    pub derived: Value<f64>,
    /// The file's own case, if it is one.
    pub case: Option<String>,
    /// The smallest readable one, when this is a case of the file.
    pub smallest: Option<Box<Counterexample>>,
}

impl Counterexample {
    /// Values of claim and truth at the entry where they differ.
    pub fn entry(&self) -> (f64, f64) {
        let read = |v: &Value<f64>| {
            let t = v.real();
            let k = self.index.iter().zip(v.shape()).fold(0, |k, (i, n)| k * n + i);
            t.and_then(|t| t.data().get(k).copied()).unwrap_or(f64::NAN)
        };
        (read(&self.yours), read(&self.derived))
    }
}

/// A known wrong rule, or a known slip of the result, that gives exactly the claim.
#[derive(Clone, PartialEq, Debug)]
pub struct Slip {
    /// Name: `log-kept`.
    pub name: &'static str,
    /// Tag for counting over a class: `rule:log`.
    pub tag: &'static str,
    /// The rule as it is, one line; empty for slips of the result.
    pub right: &'static str,
    /// The rule as it was used, one line; empty for slips of the result.
    pub wrong: &'static str,
    /// A sentence for the learner.
    pub sentence: String,
    /// Position of the step in the derivation, and how many steps there are, both counted from 1.
    pub step: Option<(usize, usize)>,
    /// A second slip that was made at the same time.
    pub with: Option<Box<Slip>>,
}

/// A property of the truth that the claim violates, for a check by hand.
#[derive(Clone, PartialEq, Debug)]
pub struct Invariant {
    /// Name: `entries-add-to-zero`.
    pub name: &'static str,
    /// A sentence for the learner.
    pub sentence: String,
    /// What the property says the number is.
    pub expected: f64,
    /// What it is for the claim at the counterexample.
    pub found: f64,
}

/// Values of named sizes as printed: `m = 2, n = 3`.
pub(crate) fn print_sizes(sizes: &Sizes) -> String {
    let mut list: Vec<String> = sizes.iter().map(|(name, n)| format!("{name} = {n}")).collect();
    list.sort();
    list.join(", ")
}

/// A node in index notation with the letters of its free indices.
pub(crate) fn printed(g: &Graph, node: chainrule_core::NodeId) -> (String, Vec<String>) {
    let printer = chainrule_core::render::Printer::new(g);
    (printer.index_text(node).to_string(), printer.free_letters(node))
}
