//! The kinds of nodes: few, because nearly everything is a contraction.

use crate::error::{Error, Result};
use crate::form::Product;
use crate::rational::Rational;
use crate::shape::{DType, Dim, Type};
use crate::tensor::entries_of;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What a node computes from its operands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Symbolic zero of the type with this number; absorbs products.
    Zero(u32),
    /// A named input (number in the graph's table of inputs).
    Input(u32),
    /// A non-zero rational number.
    Rational(Rational),
    /// The circle's number.
    Pi,
    /// A size polynomial, as a real number.
    Size(Dim),
    /// A literal tensor (number in the graph's table of literals).
    Literal(u32),
    /// `Σ coefficient · operand`, all of one shape.
    Sum(Box<[Rational]>),
    /// A sum over bound labels of a product; operand nodes are written as slots of the operand list.
    Contract(Box<Product>),
    /// An elementwise function from the table of maps (its number there).
    Map(u16),
    /// `Select(p, a, b)`: `a` where `p` holds, else `b`; elementwise and lazy.
    Select,
    /// An elementwise comparison of two real or two integer operands.
    Compare(Comparison),
    /// Elementwise logic on truth values.
    Logic(Logic),
    /// A reduction over one axis.
    Reduce(Reduction, u16),
    /// Position of the largest entry along an axis, the first of equals.
    ArgMax(u16),
    /// Positions that sort an axis in ascending order, stable.
    ArgSort(u16),
    /// Linear algebra on the last two axes.
    Linear(Linear),
    /// A function with identity (number in the graph's table of functions).
    Named(u32),
    /// The trajectory of one carry through a step that is applied again and again.
    Scan(Box<Scan>),
    /// The operand under a name that a derivation can cut.
    Tag(Arc<str>),
    /// The operand, with derivative zero.
    StopGradient,
    /// The operand, recomputed instead of kept by executors that ask.
    Checkpoint,
}

/// Elementwise comparisons.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Comparison {
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterEqual,
    /// `a == b`
    Equal,
}

impl Comparison {
    /// As written between the operands.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
            Comparison::Equal => "==",
        }
    }
}

/// Elementwise logic.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Logic {
    /// Both hold.
    And,
    /// At least one holds.
    Or,
    /// The operand fails.
    Not,
}

/// Reductions over one axis.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Reduction {
    /// Largest entry.
    Max,
    /// Smallest entry.
    Min,
    /// Product of the entries.
    Prod,
}

/// Linear algebra on the last two axes.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Linear {
    /// `B = A⁻¹`
    Inverse,
    /// `X = A⁻¹ C`
    Solve,
    /// `det A`
    Det,
    /// `log |det A|`
    LogAbsDet,
    /// Lower `L` with `L Lᵀ = A`, of the symmetric matrix in the lower triangle of `A`.
    Cholesky,
    /// `X = L⁻¹ C` with the lower triangle of `L`.
    SolveLower,
    /// `X = U⁻¹ C` with the upper triangle of `U`.
    SolveUpper,
}

/// A recurrence `h[t] = step(h[t-1], x[t], w)`, of which one carry is asked for.
///
/// Operands: the carries before the first step, then the inputs that every step reads its own entry of, then the
/// constants, as the formals of the step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scan {
    /// The step (number in the graph's table of steps).
    pub step: u32,
    /// Which carry the node is the trajectory of.
    pub carry: u16,
    /// How many steps.
    pub length: Dim,
    /// True when the steps run from the last position to the first: `h[t] = step(h[t+1], x[t], w)`.
    pub backward: bool,
}

/// What is known of an input beyond its type.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Facts {
    /// Every matrix in the last two axes is equal to its transpose.
    pub symmetric: bool,
    /// All entries are above 0.
    pub positive: bool,
    /// Along the last axis one entry is 1, the others are 0.
    pub one_hot: bool,
    /// Never differentiated.
    pub constant: bool,
}

impl Facts {
    /// Fails for a type none of whose values can have these facts, and for an extent that is never positive.
    pub(crate) fn fit(&self, ty: &Type) -> Result<()> {
        let refuse = |operation, expected| Err(Error::Rank { operation, expected, found: ty.clone() });
        let negative = |d: &Dim| *d != Dim::ZERO && (-d.clone()).is_nonnegative(&BTreeSet::new());
        if ty.shape.iter().any(negative) {
            return refuse("input", "extents of at least 0");
        }
        if (self.symmetric || self.positive || self.one_hot) && ty.dtype != DType::Real {
            return Err(Error::Entries { operation: "fact", expected: DType::Real, found: ty.clone() });
        }
        if self.symmetric && !matches!(&ty.shape[..], [.., a, b] if a == b) {
            return refuse("symmetric", "a square matrix in the last two axes");
        }
        if self.one_hot && ty.rank() == 0 {
            return refuse("one_hot", "at least one axis");
        }
        if self.one_hot && self.positive {
            return refuse("one_hot", "entries that may be 0, so it is not declared positive");
        }
        Ok(())
    }
}

impl fmt::Display for Facts {
    /// As declared: `symmetric, positive`; `no facts` where none is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.symmetric, "symmetric"),
            (self.positive, "positive"),
            (self.one_hot, "one-hot"),
            (self.constant, "constant"),
        ];
        let stated: Vec<&str> = all.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name).collect();
        f.write_str(&if stated.is_empty() { "no facts".to_string() } else { stated.join(", ") })
    }
}

/// A declared input.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Input {
    /// Name, as printed.
    pub name: Arc<str>,
    /// Type.
    pub ty: Type,
    /// Facts.
    pub facts: Facts,
    /// 0 for a declared input, otherwise the number of a fresh copy that stands for a cut intermediate.
    pub copy: u32,
}

/// A literal tensor, keyed by bits: the only place for NaN and infinity.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Literal {
    shape: Vec<usize>,
    entries: Entries,
}

/// Entries of a literal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Entries {
    /// Bit patterns of f64.
    Real(Vec<u64>),
    /// Integers.
    Int(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Literal {
    /// A literal of the given shape, entries in row-major order.
    ///
    /// # Errors
    /// [`Error::EntryCount`] when the entries do not fill the shape.
    pub fn new(shape: &[usize], entries: Entries) -> Result<Literal> {
        let found = match &entries {
            Entries::Real(v) => v.len(),
            Entries::Int(v) => v.len(),
            Entries::Bool(v) => v.len(),
        };
        if entries_of(shape) != Some(found) {
            return Err(Error::EntryCount { shape: shape.to_vec(), found });
        }
        Ok(Literal { shape: shape.to_vec(), entries })
    }

    /// A literal of real entries.
    ///
    /// # Errors
    /// [`Error::EntryCount`] when the entries do not fill the shape.
    pub fn real(shape: &[usize], entries: impl IntoIterator<Item = f64>) -> Result<Literal> {
        Literal::new(shape, Entries::Real(entries.into_iter().map(f64::to_bits).collect()))
    }

    /// A literal of integers.
    ///
    /// # Errors
    /// [`Error::EntryCount`] when the entries do not fill the shape.
    pub fn integer(shape: &[usize], entries: impl IntoIterator<Item = i64>) -> Result<Literal> {
        Literal::new(shape, Entries::Int(entries.into_iter().collect()))
    }

    /// A number by its bits.
    pub fn number(value: f64) -> Literal {
        Literal { shape: Vec::new(), entries: Entries::Real(vec![value.to_bits()]) }
    }

    /// Fixed extents.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Entries in row-major order.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Its type; integers are bounded by their largest entry when none is negative.
    pub fn ty(&self) -> Type {
        let shape = self.shape.iter().map(|&n| Dim::from(n)).collect();
        let (dtype, below) = match &self.entries {
            Entries::Real(_) => (DType::Real, None),
            Entries::Bool(_) => (DType::Bool, None),
            Entries::Int(v) => {
                let bounded = v.iter().all(|&n| (0..i64::MAX).contains(&n));
                (DType::Int, bounded.then(|| Dim::fixed(v.iter().max().map_or(0, |n| n + 1))))
            }
        };
        Type { dtype, shape, below }
    }
}
