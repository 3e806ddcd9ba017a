//! What can go wrong when a plan is made or run.

use std::fmt;

/// A refusal, with what was expected and what was found.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The graph itself says no.
    Graph(chainrule_core::Error),
    /// A size without a number.
    UnknownSize {
        /// The size.
        name: String,
        /// What has it.
        of: String,
    },
    /// Something that plans do not execute.
    Unsupported {
        /// What it is.
        what: String,
    },
    /// More memory than the limit allows.
    TooLarge {
        /// Bytes needed.
        bytes: u128,
        /// Bytes allowed.
        limit: u128,
    },
    /// A number of values that is not the number of inputs or outputs.
    Arity {
        /// What was counted.
        what: &'static str,
        /// How many the plan has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A value of the wrong kind or length.
    Value {
        /// Name of the input, or number of the output.
        name: String,
        /// What the plan expects.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A label outside its range.
    Label {
        /// The input.
        name: String,
        /// The label.
        found: i64,
        /// One past the largest allowed.
        below: i64,
    },
    /// A node that a plan cannot treat as it was asked to.
    Argument {
        /// Name of the input, or number of the output.
        name: String,
        /// What was expected of it.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A label that leads outside of the array it selects from.
    LabelOutside {
        /// The input of labels.
        name: String,
        /// Where in it the label stands.
        position: Vec<usize>,
        /// The label.
        found: i64,
        /// The index that it leads to.
        index: i64,
        /// Entries of the axis.
        extent: usize,
    },
    /// The largest or smallest of nothing.
    EmptyAxis {
        /// The operation.
        operation: &'static str,
    },
}

/// `8192 bytes (8 KiB)`
pub fn memory(bytes: u128) -> String {
    const UNITS: [(u32, &str); 6] =
        [(60, "EiB"), (50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match UNITS.iter().find(|(bits, _)| bytes >> bits > 0) {
        None => format!("{bytes} bytes"),
        Some((bits, unit)) => {
            let scaled = format!("{:.2}", bytes as f64 / (1u128 << bits) as f64);
            format!("{bytes} bytes ({} {unit})", scaled.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

impl Error {
    /// The same refusal, told with the limit that the options have where that is the smaller one.
    pub(crate) fn under(self, limit: u128) -> Error {
        match self {
            Error::TooLarge { bytes, limit: own } => Error::TooLarge { bytes, limit: own.min(limit) },
            other => other,
        }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl From<chainrule_core::Error> for Error {
    fn from(error: chainrule_core::Error) -> Error {
        Error::Graph(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Graph(error) => error.fmt(f),
            Error::UnknownSize { name, of } => {
                write!(
                    f,
                    "the size {name} of {of} has no number; give it one in the options: sizes.insert(\"{name}\", …)"
                )
            }
            Error::Unsupported { what } => {
                write!(f, "a plan cannot execute {what}; evaluate the graph instead")
            }
            Error::TooLarge { bytes, limit } => write!(
                f,
                "the plan needs {} at its peak, for temporaries and outputs, and the limit is {}; raise the limit, or ask for a structured output",
                memory(*bytes),
                memory(*limit)
            ),
            Error::Arity { what, expected, found } => {
                write!(
                    f,
                    "the plan has {expected} {what}, and {found} were given; Plan::inputs lists what a run needs, and each output has its slice"
                )
            }
            Error::Value { name, expected, found } | Error::Argument { name, expected, found } => {
                write!(f, "{name}: expected {expected}, found {found}")
            }
            Error::Label { name, found, below } if *below <= 0 => {
                write!(f, "{name} holds the label {found}, and there is none to choose: its axis is empty")
            }
            Error::Label { name, found, below } => {
                write!(f, "{name} holds the label {found}; labels of this input run from 0 to {}", below - 1)
            }
            Error::LabelOutside { name, position, found, index, extent } => {
                write!(f, "{name}")?;
                if !position.is_empty() {
                    let position: Vec<String> = position.iter().map(ToString::to_string).collect();
                    write!(f, "[{}]", position.join(","))?;
                }
                write!(f, " is {found}, ")?;
                if index != found {
                    write!(f, "which leads to position {index}, ")?;
                }
                match extent {
                    0 => write!(f, "and there is nothing to select: the axis is empty"),
                    _ => write!(
                        f,
                        "and selects from {extent} entries, 0 to {}; give labels that stay inside, or declare {name} as index[{extent}]",
                        extent - 1
                    ),
                }
            }
            Error::EmptyAxis { operation } => write!(f, "{operation} over an empty axis has no value"),
        }
    }
}

impl std::error::Error for Error {}
