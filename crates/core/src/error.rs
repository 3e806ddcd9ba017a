//! What can be wrong with a request to the engine, said in terms of the reader's shapes and indices.
//!
//! Every variant carries its data and renders itself: what was expected, what was found, what to try.

use crate::shape::{DType, Dim, Type};
use std::fmt;

/// A mistake in building, differentiating or evaluating a graph.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Operands of an elementwise operation have different shapes.
    ShapesDiffer {
        /// The operation as written.
        operation: &'static str,
        /// Type of the left operand.
        left: Type,
        /// Type of the right operand.
        right: Type,
    },
    /// A contraction over axes of different extents.
    ExtentsDiffer {
        /// The operation as written.
        operation: &'static str,
        /// Extent on the left.
        left: Dim,
        /// Extent on the right.
        right: Dim,
    },
    /// One index touches axes of different extents.
    IndexConflict {
        /// The letter.
        index: String,
        /// First use, such as `V[i,j]`.
        first: String,
        /// Extent there.
        first_extent: Dim,
        /// Second use.
        second: String,
        /// Extent there.
        second_extent: Dim,
    },
    /// An operand has the wrong number of axes.
    Rank {
        /// The operation as written.
        operation: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        found: Type,
    },
    /// An axis that the operand does not have.
    Axis {
        /// The operation as written.
        operation: &'static str,
        /// The axis asked for.
        axis: usize,
        /// The operand.
        found: Type,
    },
    /// A number of operands that the operation does not take.
    Arity {
        /// The operation as written.
        operation: String,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// An operand with the wrong kind of entries.
    Entries {
        /// The operation as written.
        operation: &'static str,
        /// What it takes.
        expected: DType,
        /// What it was given.
        found: Type,
    },
    /// A fixed position outside an axis.
    OutOfRange {
        /// What was indexed, such as `z`, or its formula; empty when it is not known yet.
        name: String,
        /// The position asked for.
        position: i64,
        /// Extent of the axis.
        extent: i64,
    },
    /// An entry of an integer input outside `0 .. below`.
    Label {
        /// The input.
        name: String,
        /// The entry found.
        found: i64,
        /// The exclusive bound.
        below: i64,
    },
    /// Labels that may lie outside the axis they select from.
    LabelRange {
        /// The operation as written.
        operation: &'static str,
        /// Type of the labels.
        labels: Type,
        /// Extent of the axis.
        extent: Dim,
    },
    /// A name that is declared twice with different meanings.
    Duplicate {
        /// The name.
        name: Box<str>,
        /// How it is declared.
        first: Type,
        /// How it was declared again.
        second: Type,
    },
    /// One name, declared with different facts.
    FactsDiffer {
        /// The name.
        name: String,
        /// Facts of the first declaration.
        first: String,
        /// Facts of the second.
        second: String,
    },
    /// A value contradicts what its input was declared to be.
    Fact {
        /// The input.
        name: String,
        /// The fact.
        fact: &'static str,
        /// What was found, and where.
        found: String,
    },
    /// A name that is not declared.
    Unknown {
        /// The name.
        name: String,
        /// Names that exist, nearest first.
        candidates: Vec<String>,
    },
    /// A derivative with respect to something that has none.
    NotDifferentiable {
        /// The name or operation.
        what: String,
        /// Why.
        why: &'static str,
    },
    /// A gradient of something that is not a number.
    NotScalar {
        /// Type of the output.
        found: Type,
    },
    /// A sparse derivative of, or with respect to, something that it is not made for, or one that is nearly dense.
    NotSparse {
        /// The matrix, the variable or the output.
        what: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Inputs without a value, or with a value of another shape: all of them at once.
    Bindings(Vec<BindingError>),
    /// A named size that no input determines.
    UnknownSize {
        /// The size.
        name: String,
    },
    /// An integer computation left the 64-bit range.
    Overflow {
        /// The operation.
        operation: &'static str,
    },
    /// A reduction that has no value over an empty axis.
    EmptyAxis {
        /// The reduction.
        operation: &'static str,
        /// What was reduced, such as `z`; empty before that is known.
        name: String,
    },
    /// A value that would need more memory than the limit.
    TooLarge {
        /// Entries needed.
        entries: i128,
        /// Entries allowed.
        limit: i128,
    },
    /// Something that is not rational was met in exact arithmetic.
    NotRational {
        /// The operation, or the input.
        what: String,
    },
    /// Text that does not read as index notation or as a graph.
    Syntax {
        /// Byte offset.
        at: usize,
        /// What was expected and found.
        message: String,
    },
    /// Expressions of different graphs were combined.
    OtherGraph,
    /// An expression was used while its graph is being changed.
    InUse,
    /// Entries that do not fill the shape they are given for.
    EntryCount {
        /// The shape.
        shape: Vec<usize>,
        /// How many entries were given.
        found: usize,
    },
    /// A recurrence that cannot be built.
    Scan {
        /// Name of its step.
        step: String,
        /// What is wrong, with what was expected and what to try.
        problem: String,
    },
    /// A function whose body is not closed.
    Body {
        /// Name of the function.
        function: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// One input that cannot be used as bound.
#[derive(Clone, PartialEq, Debug)]
pub enum BindingError {
    /// No value was given.
    Missing {
        /// The input.
        name: String,
        /// Its type.
        expected: Type,
    },
    /// The value has another shape.
    Shape {
        /// The input.
        name: String,
        /// Its type.
        expected: Type,
        /// Shape of the value.
        found: Vec<usize>,
    },
    /// A size has one value by this input and another by an earlier one.
    Size {
        /// The input.
        name: String,
        /// The size.
        size: String,
        /// Value that this input gives.
        here: i64,
        /// Value known before.
        known: i64,
    },
    /// The value has other entries (reals for labels, say).
    Entries {
        /// The input.
        name: String,
        /// Its type.
        expected: Type,
        /// Entries of the value.
        found: DType,
    },
}

/// Results of the engine.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::Real => "real",
            DType::Int => "integer",
            DType::Bool => "Boolean",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ShapesDiffer { operation, left, right } => {
                write!(f, "`{operation}` needs equal shapes: left is {left}, right is {right}")?;
                let whole =
                    ["vjp", "jvp", "substitute", "restore_axes", "apply", "concat", "solve", "solve_lower", "solve_upper", "batch"];
                if whole.contains(operation) {
                    return Ok(());
                }
                f.write_str("\n  help: a number combines with any shape; nothing else broadcasts")
            }
            Error::ExtentsDiffer { operation: "@", left, right } => write!(
                f,
                "`@` contracts the last axis of the left with the first axis of the right: {left} is not {right}"
            ),
            Error::ExtentsDiffer { operation: "reshape", left, right } => {
                write!(f, "`reshape` keeps the number of entries: {left} is not {right}")
            }
            Error::ExtentsDiffer { operation, left, right } => {
                write!(f, "`{operation}` needs equal extents: {left} is not {right}")
            }
            Error::IndexConflict { index, first, first_extent, second, second_extent } => write!(
                f,
                "index {index} is {first_extent} long in {first} but {second_extent} long in {second}"
            ),
            Error::Rank { operation, expected, found } => {
                write!(f, "`{operation}` takes {expected}, not {found}")
            }
            Error::Axis { operation: "insert_axis", axis, found } => {
                let most = match found.rank() {
                    0 => "only at position 0".to_string(),
                    n => format!("only at positions 0 .. {n}"),
                };
                write!(f, "`insert_axis` at position {axis}, but {found} takes a new axis {most}")
            }
            Error::Axis { operation, axis, found } => {
                write!(f, "`{operation}` over axis {axis}, but {found} has ")?;
                match found.rank() {
                    0 => f.write_str("no axes"),
                    1 => f.write_str("only axis 0"),
                    n => write!(f, "only axes 0 .. {}", n - 1),
                }
            }
            Error::Arity { operation, expected, found } => {
                let plural = if *expected == 1 { "" } else { "s" };
                write!(f, "`{operation}` takes {expected} operand{plural}, {found} given")
            }
            Error::Entries { operation, expected, found } => {
                write!(f, "`{operation}` takes {expected} entries, not {found}")
            }
            Error::OutOfRange { name, position, extent } if name.is_empty() => {
                write!(f, "position {position} is outside an axis of {extent} entries, {}", range(*extent))
            }
            Error::OutOfRange { name, position, extent } if name.contains(|c| "[( ".contains(c)) => {
                let range = range(*extent);
                write!(f, "position {position} is outside an axis of `{name}`, of {extent} entries, {range}")
            }
            Error::OutOfRange { name, position, extent } => {
                write!(
                    f,
                    "{name} has {extent} entries, {}; there is no {name}[{position}]",
                    entries(name, *extent)
                )
            }
            Error::Label { name, found, below } => write!(
                f,
                "label {name} = {found} is out of range: it must be in {}\n  help: labels count from 0",
                range(*below)
            ),
            Error::LabelRange { operation, labels, extent } => write!(
                f,
                "`{operation}` selects from {extent} entries by labels of type {labels}\n  help: declare the labels as index[{extent}], so that each is checked before it is used"
            ),
            Error::Duplicate { name, first, second } => {
                write!(f, "{name} is declared twice: as {first}, then as {second}")
            }
            Error::FactsDiffer { name, first, second } => write!(
                f,
                "{name} is declared twice: with {first}, then with {second}\n  help: state the same facts each time, or look the input up by its name"
            ),
            Error::Fact { name, fact, found } => write!(
                f,
                "{name} is declared {fact}, but {found}\n  help: bind a value that is {fact}, or declare {name} without that"
            ),
            Error::Unknown { name, candidates } => {
                write!(f, "there is no {name}")?;
                if !candidates.is_empty() {
                    write!(f, "\n  help: there is {}", candidates.join(", "))?;
                }
                Ok(())
            }
            Error::NotDifferentiable { what, why } => write!(f, "{what} has no derivative: {why}"),
            Error::NotScalar { found } => {
                write!(
                    f,
                    "a gradient is of a number, not of {found}\n  help: ask for the jacobian, or sum first"
                )
            }
            Error::NotSparse { what, expected, found } => write!(
                f,
                "a sparse derivative expects {what} to be {expected}, but found {found}\n  help: ask for jacobian or hessian, or for their products with directions (jvp, hvp)"
            ),
            Error::Bindings(errors) => {
                for (k, e) in errors.iter().enumerate() {
                    if k > 0 {
                        f.write_str("\n")?;
                    }
                    write!(f, "{e}")?;
                }
                Ok(())
            }
            Error::UnknownSize { name } => {
                write!(f, "no input tells the size {name}\n  help: give it, as in {name} = 3")
            }
            Error::Overflow { operation } => write!(f, "`{operation}` leaves the range of 64-bit integers"),
            Error::EmptyAxis { operation, name } if name.is_empty() => {
                write!(f, "`{operation}` over an empty axis has no value")
            }
            Error::EmptyAxis { operation, name } => {
                write!(f, "`{operation}` over an empty axis of `{name}` has no value")
            }
            Error::TooLarge { entries, limit } => {
                write!(
                    f,
                    "a value of {entries} entries is over the limit of {limit}\n  help: ask for the structured value, or raise the limit"
                )
            }
            Error::NotRational { what } => write!(f, "{what} is not rational here"),
            Error::Syntax { at, message } => write!(f, "at byte {at}: {message}"),
            Error::OtherGraph => f.write_str("these expressions belong to different graphs"),
            Error::InUse => f.write_str(
                "this expression was used inside a step of `Builder::with`, which is changing its graph\n  help: use the graph that the step is given, or combine expressions after the step",
            ),
            Error::EntryCount { shape, found } => {
                let given = if *found == 1 { "1 entry does".to_string() } else { format!("{found} entries do") };
                write!(f, "{given} not fill the shape {shape:?}")?;
                match crate::tensor::entries_of(shape) {
                    Some(count) => write!(f, "\n  help: it takes {count}"),
                    None => f.write_str("\n  help: no value is that large"),
                }
            }
            Error::Scan { step, problem } => write!(f, "scan of {step}: {problem}"),
            Error::Body { function, problem } => {
                write!(
                    f,
                    "{function} is no function: {problem}\n  help: a body sees only its formals; pass what it needs as an argument"
                )
            }
        }
    }
}

fn entries(name: &str, extent: i64) -> String {
    match extent {
        0 => "none".to_string(),
        1 => format!("{name}[0]"),
        n => format!("{name}[0] .. {name}[{}]", n - 1),
    }
}

fn range(below: i64) -> String {
    match below {
        i64::MIN..=0 => "an empty range".to_string(),
        n => format!("0 .. {}", n - 1),
    }
}

impl fmt::Display for BindingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindingError::Missing { name, expected } => write!(f, "{name} : {expected} has no value"),
            BindingError::Shape { name, expected, found } => {
                write!(f, "{name} : {expected} was given a value of shape {found:?}")
            }
            BindingError::Size { name, size, here, known } => {
                write!(f, "{name} makes {size} = {here}, but an earlier input makes it {known}")
            }
            BindingError::Entries { name, expected, found } => {
                write!(f, "{name} : {expected} was given {found} entries")
            }
        }
    }
}

impl std::error::Error for Error {}

/// How many letters are put in, taken out or changed between two names; of each, the first 64 letters count.
///
/// ```
/// assert_eq!(chainrule_core::error::edits("softmax", "softmx"), 1);
/// ```
pub fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
