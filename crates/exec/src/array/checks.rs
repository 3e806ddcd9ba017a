//! Checks of labels: where the value of a label decides whether a read stays inside its array, a run looks first.
//!
//! Labels that are declared to lie below the extent they select from are proved inside, and need no check.

use super::{ArrayId, Arrays, At, Atom, Body, Definition, Guard, Nest, Whole};
use crate::error::{Error, Result};

/// An index that may leave an axis, for the values of some labels.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// The index.
    pub at: At,
    /// Entries of the axis.
    pub extent: usize,
    /// Extents of the labels of the nest that reads there.
    pub extents: Vec<usize>,
    /// Conditions on labels, where there is nothing to read unless all hold.
    pub guards: Vec<Guard>,
    /// The array of labels that is to blame.
    pub labels: ArrayId,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outside {
    /// Where in the array of labels.
    pub position: Vec<usize>,
    /// The label there.
    pub label: i64,
    /// The index that it leads to.
    pub index: i64,
}

/// Least and greatest entry of an array of integers, as far as it is known before a run.
pub fn bounds(arrays: &Arrays, id: ArrayId) -> (i64, i64) {
    match &arrays[id].definition {
        Definition::Integers(v) => {
            (v.iter().copied().min().unwrap_or(0), v.iter().copied().max().unwrap_or(0))
        }
        Definition::Input(n) => match arrays.inputs[*n].below {
            Some(below) => (0, (below - 1).max(0)),
            None => (i64::MIN / 4, i64::MAX / 4),
        },
        Definition::Whole(Whole::ArgMax(axis) | Whole::ArgSort(axis), args) => {
            (0, (arrays[args[0]].shape[*axis] as i64 - 1).max(0))
        }
        _ => (i64::MIN / 4, i64::MAX / 4),
    }
}

/// Least and greatest value of an index over all points of its labels. Indices nest only as deep as constructors allow.
fn range(arrays: &Arrays, at: &At, extents: &[usize]) -> (i64, i64) {
    let (mut low, mut high) = (at.base, at.base);
    for (atom, slope) in &at.parts {
        let (first, last) = match atom {
            Atom::Label(l) => (0, extents[*l] as i64 - 1),
            Atom::Quotient(t, d) => {
                let (low, high) = range(arrays, t, extents);
                (low.div_euclid(*d), high.div_euclid(*d))
            }
            Atom::Remainder(_, d) => (0, d - 1),
            Atom::Element(array, _) => bounds(arrays, *array),
        };
        let (a, b) = (slope.saturating_mul(first), slope.saturating_mul(last));
        low = low.saturating_add(a.min(b));
        high = high.saturating_add(a.max(b));
    }
    (low, high)
}

/// Every index that only the values of labels keep inside.
///
/// # Errors
/// [`Error::Unsupported`] where a truth value decides whether such an index is read: it may be known to the step alone.
pub fn find(arrays: &Arrays) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for array in &arrays.arrays {
        let Some(nest) = array.loops() else { continue };
        if nest.extents.contains(&0) {
            continue;
        }
        for read in nest.body.reads() {
            let guards: Vec<Guard> = nest.guards.iter().chain(&read.guards).cloned().collect();
            of_read(arrays, nest, (read.array, &read.at), &guards, &mut checks)?;
        }
        if let Body::Count(at) = &nest.body {
            // The number itself may be any; labels that it is read through may not.
            for atom in atoms(at) {
                if let Atom::Element(array, place) = atom {
                    of_read(arrays, nest, (*array, place), &nest.guards, &mut checks)?;
                }
            }
        }
    }
    Ok(checks)
}

fn of_read(
    arrays: &Arrays,
    nest: &Nest,
    read: (ArrayId, &[At]),
    guards: &[Guard],
    checks: &mut Vec<Check>,
) -> Result<()> {
    let mut open: Vec<(ArrayId, &[At])> = vec![read];
    while let Some((array, at)) = open.pop() {
        for (at, &extent) in at.iter().zip(&arrays[array].shape) {
            let mut labels = None;
            for atom in atoms(at) {
                if let Atom::Element(of, place) = atom {
                    labels = labels.or(Some(*of));
                    open.push((*of, place));
                }
            }
            let Some(labels) = labels else { continue };
            let (low, high) = range(arrays, at, &nest.extents);
            if low >= 0 && high < extent as i64 {
                continue;
            }
            // Where a truth value does not hold, any label may stand.
            if guards.iter().any(|g| matches!(g, Guard::Holds(..))) {
                let what = "labels that may lead outside of their array, under a truth value; declare them as index[n]";
                return Err(Error::Unsupported { what: what.to_string() });
            }
            let check = Check {
                at: at.clone(),
                extent,
                extents: nest.extents.to_vec(),
                guards: guards.to_vec(),
                labels,
            };
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
    }
    Ok(())
}

/// The atoms of an index, those inside quotients and remainders included.
fn atoms(at: &At) -> Vec<&Atom> {
    let mut all: Vec<&Atom> = Vec::new();
    let mut open = vec![at];
    while let Some(at) = open.pop() {
        for (atom, _) in &at.parts {
            match atom {
                Atom::Quotient(t, _) | Atom::Remainder(t, _) => open.push(t),
                _ => all.push(atom),
            }
        }
    }
    all
}

/// The value of an index; `None` where it reads a label outside of its array, which another check says.
fn value<'a>(
    arrays: &Arrays,
    at: &At,
    point: &[i64],
    integers: &dyn Fn(ArrayId) -> &'a [i64],
) -> Option<i64> {
    let mut total = at.base;
    for (atom, slope) in &at.parts {
        let value = match atom {
            Atom::Label(l) => point[*l],
            Atom::Quotient(t, d) => value(arrays, t, point, integers)?.div_euclid(*d),
            Atom::Remainder(t, d) => value(arrays, t, point, integers)?.rem_euclid(*d),
            Atom::Element(array, place) => integers(*array)[flat(arrays, *array, place, point, integers)?],
        };
        total = total.saturating_add(slope.saturating_mul(value));
    }
    Some(total)
}

/// The number of an entry of an array at some indices, if it has one.
fn flat<'a>(
    arrays: &Arrays,
    array: ArrayId,
    place: &[At],
    point: &[i64],
    integers: &dyn Fn(ArrayId) -> &'a [i64],
) -> Option<usize> {
    let mut flat = 0;
    for (at, &extent) in place.iter().zip(&arrays[array].shape) {
        let k = usize::try_from(value(arrays, at, point, integers)?).ok().filter(|&k| k < extent)?;
        flat = flat * extent + k;
    }
    Some(flat)
}

/// Where in an array of this shape an entry stands.
fn position(shape: &[usize], mut flat: usize) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for (p, &extent) in position.iter_mut().zip(shape).rev() {
        *p = flat % extent.max(1);
        flat /= extent.max(1);
    }
    position
}

impl Check {
    /// The array of labels that are all looked at, each for itself: the ordinary gather, checked in one pass over them.
    fn plain(&self, arrays: &Arrays) -> Option<i64> {
        let [(Atom::Element(array, place), slope)] = &self.at.parts[..] else { return None };
        let shape = &arrays[*array].shape;
        let mut seen = Vec::with_capacity(place.len());
        for (t, &extent) in place.iter().zip(shape) {
            let label = t.as_label().filter(|l| !seen.contains(l) && self.extents[*l] == extent)?;
            seen.push(label);
        }
        self.guards.is_empty().then_some(*slope)
    }

    /// The first label that leads outside, given the integers of this run.
    pub fn outside<'a>(&self, arrays: &Arrays, integers: &dyn Fn(ArrayId) -> &'a [i64]) -> Option<Outside> {
        let is_inside = |index: i64| (0..self.extent as i64).contains(&index);
        if let Some(slope) = self.plain(arrays) {
            let index = |label: i64| self.at.base.saturating_add(slope.saturating_mul(label));
            let labels = integers(self.labels);
            let flat = labels.iter().position(|&l| !is_inside(index(l)))?;
            let position = position(&arrays[self.labels].shape, flat);
            return Some(Outside { position, label: labels[flat], index: index(labels[flat]) });
        }
        let mut used = vec![false; self.extents.len()];
        self.at.each_label(&mut |l| used[l] = true);
        self.guards.iter().flat_map(Guard::indices).for_each(|t| t.each_label(&mut |l| used[l] = true));
        let mut point = vec![0i64; self.extents.len()];
        loop {
            if let Some(index) = self.index(arrays, &point, integers).filter(|&i| !is_inside(i)) {
                return Some(self.blamed(arrays, &point, index, integers));
            }
            let next = (0..point.len()).rev().find(|&l| used[l] && point[l] + 1 < self.extents[l] as i64)?;
            point[next] += 1;
            point[next + 1..].fill(0);
        }
    }

    /// The index at a point where something is read.
    fn index<'a>(
        &self,
        arrays: &Arrays,
        point: &[i64],
        integers: &dyn Fn(ArrayId) -> &'a [i64],
    ) -> Option<i64> {
        let holds = |guard: &Guard| match guard {
            Guard::Zero(t) => value(arrays, t, point, integers) == Some(0),
            Guard::NonNegative(t) => value(arrays, t, point, integers).is_some_and(|v| v >= 0),
            Guard::Holds(..) => false,
        };
        if !self.guards.iter().all(holds) {
            return None;
        }
        value(arrays, &self.at, point, integers)
    }

    fn blamed<'a>(
        &self,
        arrays: &Arrays,
        point: &[i64],
        index: i64,
        integers: &dyn Fn(ArrayId) -> &'a [i64],
    ) -> Outside {
        let place = atoms(&self.at).into_iter().find_map(|atom| match atom {
            Atom::Element(array, place) if *array == self.labels => Some(place),
            _ => None,
        });
        let place = place.expect("invariant: a check names an array of its index");
        let flat = flat(arrays, self.labels, place, point, integers).unwrap_or(0);
        let label = integers(self.labels).get(flat).copied().unwrap_or(index);
        Outside { position: position(&arrays[self.labels].shape, flat), label, index }
    }

    /// Calls `visit` on every array of integers that the check reads.
    pub fn each_array(&self, visit: &mut dyn FnMut(ArrayId)) {
        self.at.each_array(visit);
        self.guards.iter().flat_map(Guard::indices).for_each(|t| t.each_array(visit));
    }
}
