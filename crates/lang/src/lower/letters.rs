//! Letters of one formula: free ones, bound ones, and the nameless axes of arrays.
//!
//! A formula in vectorised notation is index notation whose letters nobody wrote. So `V @ x + b` is lowered as
//! `sum(k, V[a,k]*x[k]) + b[a]` with nameless `a` and `k`, and both notations end in the same node. Adding two arrays
//! makes the axes of one the axes of the other: their letters are *merged*.

use crate::source::Span;
use chainrule_core::shape::Dim;

/// A letter of a formula.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Letter(pub(crate) u32);

/// What is known of a letter.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// As written; `None` for the axis of an array.
    pub(crate) name: Option<String>,
    /// Where it was first written, or what made the axis.
    pub(crate) span: Span,
    /// First value, as the reader counts.
    pub(crate) low: Dim,
    /// Whether its range was stated.
    pub(crate) stated: bool,
    /// How many values it takes, once known.
    pub(crate) extent: Option<Dim>,
    /// The place that told the extent.
    pub(crate) told_by: Span,
}

/// The letters of a formula, some of them merged.
#[derive(Clone, Default, Debug)]
pub(crate) struct Letters {
    facts: Vec<Facts>,
    merged: Vec<u32>,
}

impl Letters {
    /// A new letter.
    pub(crate) fn add(&mut self, facts: Facts) -> Letter {
        self.facts.push(facts);
        self.merged.push(self.merged.len() as u32);
        Letter(self.merged.len() as u32 - 1)
    }

    /// A nameless letter for an axis of known extent.
    pub(crate) fn axis(&mut self, extent: &Dim, span: Span) -> Letter {
        self.add(Facts {
            name: None,
            span,
            low: Dim::ZERO,
            stated: false,
            extent: Some(extent.clone()),
            told_by: span,
        })
    }

    /// The letter that stands for this one after merging.
    pub(crate) fn find(&self, letter: Letter) -> Letter {
        let mut at = letter.0;
        while self.merged[at as usize] != at {
            at = self.merged[at as usize];
        }
        Letter(at)
    }

    /// What is known of a letter.
    pub(crate) fn get(&self, letter: Letter) -> &Facts {
        &self.facts[self.find(letter).0 as usize]
    }

    /// The same, for writing.
    pub(crate) fn get_mut(&mut self, letter: Letter) -> &mut Facts {
        let at = self.find(letter).0;
        &mut self.facts[at as usize]
    }

    /// Makes a nameless letter another name of `kept`.
    pub(crate) fn merge(&mut self, axis: Letter, kept: Letter) {
        let (axis, kept) = (self.find(axis), self.find(kept));
        debug_assert!(self.facts[axis.0 as usize].name.is_none(), "a letter somebody wrote keeps its name");
        if self.facts[kept.0 as usize].extent.is_none() {
            self.facts[kept.0 as usize].extent = self.facts[axis.0 as usize].extent.clone();
        }
        self.merged[axis.0 as usize] = kept.0;
    }

    /// The name under which the core reads a letter: different for different letters.
    pub(crate) fn token(&self, letter: Letter) -> String {
        let letter = self.find(letter);
        match &self.facts[letter.0 as usize].name {
            Some(name) => format!("{name}#{}", letter.0),
            None => format!("#{}", letter.0),
        }
    }

    /// As a reader would call it.
    pub(crate) fn shown(&self, letter: Letter) -> String {
        self.get(letter).name.clone().unwrap_or_else(|| "this axis".to_string())
    }
}
