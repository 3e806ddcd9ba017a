//! What names stand for in one problem: sizes, inputs, definitions, nicknames; and the settings in force.
//!
//! A problem has a graph of its own, so that `p` in problem 1.2 and `p` in 1.4 never meet. Definitions are *tagged*
//! nodes: `d(sum(g .^ 2))/dh` with `g` and `h` of equal right sides is 0, because dependence goes by written names.

use crate::ast::Role;
use crate::source::Span;
use crate::verify::Taken;
use chainrule_core::error::edits;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::shape::Dim;
use indexmap::IndexMap;

/// How much a report tells of what is not right; each tells what the one before it does, and more.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Feedback {
    /// The verdict and the points.
    Verdict,
    /// The point where it is wrong, the slip behind it, an invariant that is violated; never a derived formula or its
    /// values.
    Hint,
    /// Both values there, and the numbers that were found for an expectation.
    Counterexample,
    /// The smallest edit that is right, and the derived formula.
    #[default]
    Full,
}

impl Feedback {
    /// All of them, the shortest first.
    pub const ALL: [Feedback; 4] =
        [Feedback::Verdict, Feedback::Hint, Feedback::Counterexample, Feedback::Full];

    /// The word that sets it.
    pub fn word(self) -> &'static str {
        match self {
            Feedback::Verdict => "verdict",
            Feedback::Hint => "hint",
            Feedback::Counterexample => "counterexample",
            Feedback::Full => "full",
        }
    }
}

/// Settings of a file, as far as they change what formulas mean or how answers are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// First value of an index, as the reader counts: 0 or 1.
    pub base: i64,
    /// Axes of the numerator come first in a derivative.
    pub numerator_layout: bool,
    /// Repeated indices within one product are summed.
    pub einstein: bool,
    /// Claims are graded against the learner's own earlier answers.
    pub follow_through: bool,
    /// How much a report tells of what is not right.
    pub feedback: Feedback,
    /// Title of the file.
    pub title: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            base: 0,
            numerator_layout: true,
            einstein: false,
            follow_through: false,
            feedback: Feedback::Full,
            title: None,
        }
    }
}

/// What a name stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Meaning {
    /// A size; after `dim m, n where m == n` both are one.
    Size(Dim),
    /// A declared variable, constant or parameter.
    Input(NodeId, Role),
    /// A definition: a tagged node.
    Definition(NodeId),
    /// A nickname: a node without a tag.
    Nickname(NodeId),
}

/// A name with its meaning and where it was declared.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    /// What it stands for.
    pub meaning: Meaning,
    /// Where it was declared.
    pub span: Span,
}

/// A learner's formula for `d of / d by`, axes of `of` first.
#[derive(Clone, Debug)]
pub(crate) struct OwnDerivative {
    pub(crate) of: String,
    pub(crate) by: String,
    pub(crate) node: NodeId,
}

/// Names, settings, and the graph that formulas are built in.
#[derive(Clone, Default)]
pub struct Scope {
    /// The nodes of all formulas of the problem.
    pub graph: Graph,
    /// Names in order of declaration.
    pub names: IndexMap<String, Declared>,
    /// Settings in force.
    pub settings: Settings,
    /// Sizes may stay undeclared: formulas typed on a command line.
    pub open_sizes: bool,
    /// Conditions that are assumed, as Boolean nodes.
    pub assumptions: Vec<NodeId>,
    /// Names whose declaration is wrong: their uses are not mistakes of their own.
    pub broken: std::collections::BTreeSet<String>,
    /// Nicknames whose right side contains a derivative.
    pub derivatives: std::collections::BTreeSet<String>,
    /// Derivatives that are a learner's, while a later answer is compared with what follows from them.
    pub(crate) own: Vec<OwnDerivative>,
    /// Derivatives inside of definitions and nicknames: a formula that reads such a name is verified with them.
    pub taken: IndexMap<String, Vec<Taken>>,
}

impl Scope {
    /// What a name stands for.
    pub fn find(&self, name: &str) -> Option<&Meaning> {
        self.names.get(name).map(|d| &d.meaning)
    }

    /// The node of an input, definition or nickname.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        match self.find(name)? {
            Meaning::Size(_) => None,
            Meaning::Input(node, _) | Meaning::Definition(node) | Meaning::Nickname(node) => Some(*node),
        }
    }

    /// Declared names that a misspelt one may have meant, nearest first.
    ///
    /// Of few names every one is listed: a reader sees at a glance which was meant.
    pub fn near(&self, name: &str, more: &[&str]) -> Vec<String> {
        let all = self.names.keys().map(String::as_str).chain(more.iter().copied());
        nearest(name, all)
    }

    /// The help beside a name that is not declared: near names, else all of them where they are few.
    pub(crate) fn instead_of(&self, name: &str) -> Option<String> {
        let near = self.near(name, &[]);
        if !near.is_empty() {
            return Some(format!("did you mean {}?", near.join(", ")));
        }
        let all: Vec<&str> = self.names.keys().map(String::as_str).collect();
        (1..=FEW).contains(&all.len()).then(|| format!("declared: {}", all.join(", ")))
    }
}

/// So many names are read at a glance.
const FEW: usize = 6;

/// At most three candidates that are near a name, fewest edits first.
///
/// The same letters in other cases are near; of names of one and two letters nothing else is, because any other
/// short name would be one edit away.
pub(crate) fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let letters = name.chars().count();
    let limit = if letters > 2 { letters.div_ceil(3) } else { 0 };
    let distance = |c: &str| {
        if c.to_lowercase() == name.to_lowercase() {
            return 0;
        }
        // Two letters that changed places are one slip.
        let swapped = letters > 2 && sorted(c) == sorted(name) && edits(name, c) == 2;
        if swapped { 1 } else { edits(name, c) }
    };
    let mut near: Vec<(usize, &str)> = all.map(|c| (distance(c), c)).filter(|(d, _)| *d <= limit).collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, c)| c.to_string()).collect()
}

fn sorted(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.chars().collect();
    letters.sort_unstable();
    letters
}
