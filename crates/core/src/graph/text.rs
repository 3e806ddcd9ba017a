//! A graph as text: one line for each node, read back as the same graph.
//!
//! ```
//! use chainrule_core::Graph;
//! use chainrule_core::shape::Type;
//! let mut g = Graph::new();
//! let v = g.input("V", Type::real(["m", "n"])).unwrap();
//! let x = g.input("x", Type::real(["n"])).unwrap();
//! let y = g.dot(v, x).unwrap();
//! let text = g.to_text(&[y]);
//! assert_eq!(text, "chainrule-graph 1
//! %0 : real[m,n] = input \"V\"
//! %1 : real[n] = input \"x\"
//! %2 : real[m] = contract [m|n] %1[#1] %0[#0,#1]
//! output %2
//! ");
//! let (read, outputs) = Graph::from_text(&text).unwrap();
//! assert_eq!(read.to_text(&outputs), text);
//! assert_eq!(read.structural_hash(outputs[0]), g.structural_hash(y));
//! ```
//!
//! Lines: `%k : type = operation operands`, `name "l" %k`, `output %k`; functions with identity come first, each
//! between `function fk "name"` and `end`, with lines of its own. In a contraction `#k` is a label, free ones first, and
//! the extents stand before the factors; `(n-1)` is a size, `div(t;n)` and `mod(t;n)` split a position, `%k[…]`
//! inside a term is an entry of an integer node; conditions follow `where`. Numbers are exact: rationals as `p/q`,
//! entries of literals as their shortest decimals, other NaN than the usual one by their bits.
//!
//! From version 2 on: steps of scans stand like functions, each between `step sk "name" inputs p` and `end`, with one
//! line `output` for each carry; its formals are the carries, then `p` inputs of which each step reads an entry, then
//! constants. `scan sk carry c length n operands` is one trajectory, with `backward` before the operands when the steps
//! run from the last position to the first. A graph without scans is written as version 1.
//!
//! Reading checks what building would: operands before users, types derived again and compared with those stated,
//! labels and axes in range, nothing twice. The order of factors and terms is made canonical, not demanded.

mod contract;
mod lexer;
mod print;
mod read;

#[cfg(test)]
mod tests;

/// The newest version, the first with steps and scans; all up to it are read, and what is written is of the first
/// version that knows every word of it.
const VERSION: u64 = 2;
/// The word of the first line.
const MAGIC: &str = "chainrule-graph";

use crate::graph::op::{Comparison, Linear, Logic, Reduction};

/// Words of operations with variants: printing and reading share these tables.
const COMPARISONS: &[(&str, Comparison)] =
    &[(">=", Comparison::GreaterEqual), (">", Comparison::Greater), ("==", Comparison::Equal)];
const LOGIC: &[(&str, Logic)] = &[("and", Logic::And), ("or", Logic::Or), ("not", Logic::Not)];
const REDUCTIONS: &[(&str, Reduction)] =
    &[("max", Reduction::Max), ("min", Reduction::Min), ("prod", Reduction::Prod)];
const LINEAR: &[(&str, Linear)] = &[
    ("inverse", Linear::Inverse),
    ("solve", Linear::Solve),
    ("det", Linear::Det),
    ("log_abs_det", Linear::LogAbsDet),
    ("cholesky", Linear::Cholesky),
    ("solve_lower", Linear::SolveLower),
    ("solve_upper", Linear::SolveUpper),
];

/// The word of a variant.
fn word_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, v)| v == value).expect("invariant: every variant has a word").0
}
