//! The formats that print an array as text, by name.

use crate::{array::Array, array_string, numpy_str};
use std::{fmt, str::FromStr};

/// A text format for arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The homework's `array_string`: `(-1, 2)`.
    ArrayString,
    /// NumPy's `str`: `[-1.  2.]`.
    Numpy,
}

impl Format {
    /// Every format, in the order in which help pages list them.
    pub const ALL: [Format; 2] = [Format::ArrayString, Format::Numpy];

    /// The word that chooses it: `array-string`, `numpy`.
    pub fn name(self) -> &'static str {
        match self {
            Format::ArrayString => "array-string",
            Format::Numpy => "numpy",
        }
    }

    /// The array in this format.
    pub fn text(self, array: &Array) -> String {
        match self {
            Format::ArrayString => array_string(array),
            Format::Numpy => numpy_str(array),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        write!(f, "no format is called `{}`; there are: {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Format, UnknownFormat> {
        let found = Format::ALL.into_iter().find(|format| format.name() == word);
        found.ok_or_else(|| UnknownFormat(word.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert!(Format::ALL.iter().all(|f| f.name().parse() == Ok(*f)));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "latex".parse::<Format>().unwrap_err();
        assert_eq!(error.to_string(), "no format is called `latex`; there are: array-string, numpy");
    }
}
