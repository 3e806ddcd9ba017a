//! Where labels stand while code is written, and the addresses that follow from it.

use super::builder::counter;
use super::{Emitter, Position};
use crate::array::{ArrayId, At, Atom, Definition, checks};
use crate::error::{Error, Result};
use crate::lane::program::{Address, Affine, Buffer, IndexOp};

impl Emitter<'_> {
    /// Every combination of positions of some labels that are written out.
    pub(super) fn written(&self, id: ArrayId, labels: std::ops::Range<usize>) -> Vec<Vec<(usize, i64)>> {
        let nest = self.nest(id);
        let open: Vec<usize> = labels.filter(|&l| self.depth(id, l).is_none()).collect();
        let mut all = vec![Vec::with_capacity(open.len())];
        for label in open {
            let extent = nest.extents[label] as i64;
            all = all
                .into_iter()
                .flat_map(|at: Vec<(usize, i64)>| {
                    (0..extent).map(move |k| {
                        let mut at = at.clone();
                        at.push((label, k));
                        at
                    })
                })
                .collect();
        }
        all
    }

    /// Where every label stands, unrolled ones at the given positions.
    pub(super) fn positions(&self, id: ArrayId, written: &[(usize, i64)]) -> Vec<Position> {
        let count = self.nest(id).extents.len();
        let mut at: Vec<Position> =
            (0..count).map(|l| self.depth(id, l).map_or(Position::At(0), Position::Loop)).collect();
        for &(label, k) in written {
            at[label] = Position::At(k);
        }
        at
    }

    /// The number of a written-out position of an array's own axes.
    pub(super) fn flat(&self, id: ArrayId, at: impl Fn(usize) -> i64) -> usize {
        let shape = &self.arrays[id].shape;
        let mut flat = 0;
        for (axis, &extent) in shape.iter().enumerate() {
            if self.depth(id, axis).is_none() {
                flat = flat * extent + at(axis) as usize;
            }
        }
        flat
    }

    /// An index as code; `protected` as in [`Emitter::place`], for the integers that it reads.
    pub(super) fn affine(&mut self, at: &At, positions: &[Position], protected: bool) -> Result<Affine> {
        let mut affine = Affine::constant(at.base);
        for (atom, slope) in &at.parts {
            match atom {
                Atom::Label(l) => match positions[*l] {
                    Position::At(k) => affine.offset += slope * k,
                    Position::Loop(depth) => affine.step(counter(depth), *slope),
                    Position::Elsewhere(k) => affine.add(&self.places[k].clone(), *slope),
                },
                Atom::Quotient(inner, d) => {
                    let inner = self.affine(inner, positions, protected)?;
                    let (low, high) = self.builder.range(&inner);
                    let (low, high) = (low.div_euclid(*d), high.div_euclid(*d));
                    if low == high {
                        affine.offset += slope * low;
                    } else {
                        let index = self.builder.index(IndexOp::Quotient(inner, *d), (low, high));
                        affine.at(index, *slope);
                    }
                }
                Atom::Remainder(inner, d) => {
                    let inner = self.affine(inner, positions, protected)?;
                    let (low, high) = self.builder.range(&inner);
                    if low.div_euclid(*d) == high.div_euclid(*d) {
                        affine.add(&inner, *slope);
                        affine.offset -= slope * d * low.div_euclid(*d);
                    } else {
                        let index = self.builder.index(IndexOp::Remainder(inner, *d), (0, d - 1));
                        affine.at(index, *slope);
                    }
                }
                Atom::Element(array, inner) => {
                    if self.arrays[*array].count() == 0 && protected {
                        // Nothing is there to be read, so no condition holds.
                        self.kept_inside.push((Affine::constant(-1), 0));
                        continue;
                    }
                    let place = self.place(*array, inner, positions, protected)?;
                    if let (Definition::Integers(known), true) = (
                        &self.arrays[*array].definition,
                        place.strides.is_empty() && place.indexed.is_empty(),
                    ) {
                        affine.offset += slope * known[place.offset as usize];
                        continue;
                    }
                    let range = checks::bounds(self.arrays, *array);
                    let buffer = self.buffer(*array);
                    let index = self.builder.index(IndexOp::Load(Address { buffer, at: place }), range);
                    affine.at(index, *slope);
                }
            }
        }
        Ok(affine)
    }

    /// The element of an array at some indices. Where a condition protects the read, an index that may leave the
    /// array is kept inside: the condition discards what is read there. Where none does, and labels decide, a run has
    /// [looked](checks) at them.
    pub(super) fn place(
        &mut self,
        id: ArrayId,
        at: &[At],
        positions: &[Position],
        protected: bool,
    ) -> Result<Affine> {
        let shape = self.arrays[id].shape.clone();
        let mut place = Affine::default();
        let mut stride: i64 = shape.iter().product::<usize>() as i64;
        for (index, &extent) in at.iter().zip(&shape) {
            let extent = extent as i64;
            stride = stride.checked_div(extent).unwrap_or(0);
            let mut component = self.affine(index, positions, protected)?;
            let (low, high) = self.builder.range(&component);
            if extent > 0 && (low < 0 || high >= extent) {
                if !protected && !self.guarded {
                    let mut checked = false;
                    index.each_array(&mut |_| checked = true);
                    if !checked {
                        let what = "an index that may leave the array it reads".to_string();
                        return Err(Error::Unsupported { what });
                    }
                    place.add(&component, stride);
                    continue;
                }
                self.kept_inside.push((component.clone(), extent));
                let inside = self.builder.index(IndexOp::Clamp(component, extent), (0, extent - 1));
                component = Affine::default();
                component.at(inside, 1);
            }
            place.add(&component, stride);
        }
        Ok(place)
    }

    pub(super) fn buffer(&mut self, id: ArrayId) -> Buffer {
        Buffer(self.buffers.insert_full(id).0 as u16)
    }
}
