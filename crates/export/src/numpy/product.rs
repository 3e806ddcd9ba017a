//! Products of arrays over labels: elementwise, `@`, sums over axes, and `np.einsum` for the rest.
//!
//! Labels are summed one after the other, the one that few factors touch first, so `Σ_ij x_i A_ij x_j` is
//! `x @ A @ x`. A mask goes to the factors that its labels touch, before anything is multiplied: what is absent is
//! replaced by 0, never multiplied by it.

use super::Writer;
use super::array::{Array, Level, aligned, union};
use super::contract::{Mask, Triangle};
use super::index::Grid;
use super::node::axis_list;
use chainrule_core::index::{Label, Term};
use chainrule_core::shape::Dim;

/// Letters of `np.einsum`, from the customary ones on.
const LETTERS: &[u8; 52] = b"ijklmnopqrstuvwxyzabcdefghIJKLMNOPQRSTUVWXYZABCDEFGH";

/// One factor of a product.
#[derive(Clone)]
pub(super) struct Factor {
    pub(super) array: Array,
    /// The product is divided by it.
    pub(super) divides: bool,
    /// Finite where the inputs are: 0 times it is 0.
    pub(super) tame: bool,
}

impl Factor {
    fn has(&self, label: usize) -> bool {
        self.array.axes.contains(&label)
    }

    fn within(&self, labels: &[usize]) -> bool {
        self.array.axes.iter().all(|a| labels.contains(a))
    }

    fn covers(&self, labels: &[usize]) -> bool {
        labels.iter().all(|&l| self.has(l))
    }

    fn touches(&self, labels: &[usize]) -> bool {
        labels.iter().any(|&l| self.has(l))
    }
}

fn times(array: Array, tame: bool) -> Factor {
    Factor { array, divides: false, tame }
}

/// Takes the factors at the given places (ascending) out of the list.
fn take(factors: &mut Vec<Factor>, places: &[usize]) -> Vec<Factor> {
    let mut taken: Vec<Factor> = places.iter().rev().map(|&k| factors.remove(k)).collect();
    taken.reverse();
    taken
}

impl Writer<'_> {
    /// `Σ_summed Π factors · [masks]`, axes ascending.
    pub(super) fn product(
        &mut self,
        mut factors: Vec<Factor>,
        masks: Vec<Mask>,
        summed: &[usize],
        extents: &[Dim],
    ) -> Array {
        let mut outer = Vec::new();
        for mask in masks {
            let labels = mask.labels();
            if labels.iter().any(|l| summed.contains(l)) {
                self.mask_factors(&mut factors, &mask, &labels, summed, extents);
            } else {
                outer.push(mask);
            }
        }
        let mut open: Vec<usize> = summed.to_vec();
        while let Some(label) = next_label(&factors, &open) {
            self.sum_label(&mut factors, label, &mut open, extents);
        }
        let mut value = self.elementwise(&factors).sorted();
        // One `where` for all conditions, a triangle by its own name.
        let mut plain: Option<Array> = None;
        for mask in outer {
            if mask.is_triangle_of(&value) {
                value = self.masked(&mask, value, extents);
                continue;
            }
            let next = self.mask_array(&mask, extents);
            plain = Some(match plain {
                None => next,
                Some(before) => both(&before, &next),
            });
        }
        match plain {
            None => value,
            Some(mask) => where_else_zero(&mask, &value),
        }
    }

    /// Applies a mask over summed labels to the factors that it touches.
    fn mask_factors(
        &mut self,
        factors: &mut Vec<Factor>,
        mask: &Mask,
        labels: &[usize],
        summed: &[usize],
        extents: &[Dim],
    ) {
        let touched: Vec<usize> = labels.iter().copied().filter(|l| summed.contains(l)).collect();
        let covering = (0..factors.len())
            .filter(|&k| factors[k].covers(labels))
            .min_by_key(|&k| (factors[k].array.axes.len(), factors[k].divides, k));
        let limit = covering.map_or_else(|| labels.to_vec(), |k| factors[k].array.axes.clone());
        let near = |f: &Factor| f.within(&limit) && f.touches(&touched);
        // A factor that may be infinite is masked with the others, however large the product becomes.
        let wild = factors.iter().any(|f| f.touches(&touched) && !near(f) && !f.tame);
        let group: Vec<usize> = (0..factors.len())
            .filter(|&k| near(&factors[k]) || (wild && factors[k].touches(&touched)))
            .collect();
        let group = take(factors, &group);
        let tame = group.iter().all(|f| f.tame);
        let value = self.elementwise(&group);
        let value = self.masked(mask, value, extents);
        factors.push(times(value, tame));
    }

    /// The value where the mask holds, 0 elsewhere.
    fn masked(&mut self, mask: &Mask, value: Array, extents: &[Dim]) -> Array {
        if let Some(Triangle { row, column, offset }) = &mask.triangle
            && mask.is_triangle_of(&value)
        {
            let lower = value.axes == [*row, *column];
            let diagonal = if lower { offset.clone() } else { -offset.clone() };
            debug_assert!(lower || value.axes == [*column, *row]);
            let name = if lower { "np.tril" } else { "np.triu" };
            let k = if diagonal.is_zero() { String::new() } else { format!(", {}", self.dim(&diagonal).0) };
            return Array::call(format!("{name}({}{k})", value.text), value.axes);
        }
        let array = self.mask_array(mask, extents);
        where_else_zero(&array, &value)
    }

    fn mask_array(&mut self, mask: &Mask, extents: &[Dim]) -> Array {
        let Some(Triangle { row, column, offset }) = &mask.triangle else { return mask.array.clone() };
        let mut grid = Grid::of([*row.min(column), *row.max(column)], extents);
        let term = Term::label(Label(*row as u32)) - Term::label(Label(*column as u32));
        self.compare_on(&mut grid, &(term + Term::constant(offset.clone())), ">=")
    }

    /// Sums over one label, and over others that go with it.
    fn sum_label(&mut self, factors: &mut Vec<Factor>, label: usize, open: &mut Vec<usize>, extents: &[Dim]) {
        let group: Vec<usize> = (0..factors.len()).filter(|&k| factors[k].has(label)).collect();
        // Labels that exactly these factors have in common, and no other.
        let together: Vec<usize> = open
            .iter()
            .copied()
            .filter(|&l| (0..factors.len()).all(|k| factors[k].has(l) == group.contains(&k)))
            .collect();
        match group.as_slice() {
            [] => {
                let (text, level) = self.dim(&extents[label]);
                factors.push(times(Array::new(text, level, []), true));
                open.retain(|&l| l != label);
            }
            [_] => {
                let one = take(factors, &group).remove(0);
                let tame = one.tame;
                let array = self.numerator(one);
                factors.push(times(sum_over(&array, &together), tame));
                open.retain(|l| !together.contains(l));
            }
            [_, _] => {
                let pair = take(factors, &group);
                let tame = pair.iter().all(|f| f.tame);
                let array = self.contract_pair(pair, &together);
                factors.push(times(self.short_product(array), tame));
                open.retain(|l| !together.contains(l));
            }
            _ => self.merge_or_einsum(factors, &group, &together, open),
        }
    }

    fn merge_or_einsum(
        &mut self,
        factors: &mut Vec<Factor>,
        group: &[usize],
        together: &[usize],
        open: &mut Vec<usize>,
    ) {
        let inside = group
            .iter()
            .flat_map(|&a| group.iter().map(move |&b| (a, b)))
            .find(|&(a, b)| a != b && factors[a].within(&factors[b].array.axes));
        if let Some((a, b)) = inside {
            let pair = take(factors, &[a.min(b), a.max(b)]);
            let tame = pair.iter().all(|f| f.tame);
            let array = self.elementwise(&pair);
            factors.push(times(self.short_product(array), tame));
            return;
        }
        let all = take(factors, group);
        let tame = all.iter().all(|f| f.tame);
        let arrays: Vec<Array> = all.into_iter().map(|f| self.numerator(f)).collect();
        factors.push(times(einsum(&arrays, together), tame));
        open.retain(|l| !together.contains(l));
    }

    fn short_product(&mut self, array: Array) -> Array {
        self.short(array)
    }

    /// The factor as something to multiply with.
    fn numerator(&mut self, factor: Factor) -> Array {
        if factor.divides { self.elementwise(&[factor]) } else { factor.array }
    }

    /// `Σ_summed a · b` of two factors that both have the summed labels.
    fn contract_pair(&mut self, pair: Vec<Factor>, summed: &[usize]) -> Array {
        let nested = pair[0].within(&pair[1].array.axes) || pair[1].within(&pair[0].array.axes);
        if nested && pair.iter().any(|f| f.divides) {
            let array = self.elementwise(&pair);
            return sum_over(&array, summed);
        }
        let mut pair = pair;
        let second = pair.pop().expect("invariant: two factors");
        let first = pair.pop().expect("invariant: two factors");
        let (a, b) = (self.numerator(first), self.numerator(second));
        let common: Vec<usize> = a.axes.iter().copied().filter(|l| b.axes.contains(l)).collect();
        if a.axes.len() == common.len() && b.axes.len() == common.len() && common.len() > 1 {
            let array = self.elementwise(&[times(a, true), times(b, true)]);
            return sum_over(&array, summed);
        }
        match (summed, common.as_slice()) {
            ([label], [_]) => matmul(&a, &b, *label).unwrap_or_else(|| einsum(&[a, b], summed)),
            _ => einsum(&[a, b], summed),
        }
    }

    /// The product entry by entry, axes ascending; 1 for no factors.
    pub(super) fn elementwise(&mut self, factors: &[Factor]) -> Array {
        let axes = union(factors.iter().map(|f| &f.array));
        let (mut above, below): (Vec<&Factor>, Vec<&Factor>) = factors.iter().partition(|f| !f.divides);
        // Numbers stand first, as in a formula.
        above.sort_by_key(|f| !f.array.axes.is_empty());
        if let ([one], []) = (above.as_slice(), below.as_slice()) {
            return one.array.sorted();
        }
        let vectors: Vec<&Array> = above.iter().map(|f| &f.array).filter(|a| !a.axes.is_empty()).collect();
        let is_outer = below.is_empty()
            && matches!(vectors.as_slice(), [a, b] if a.axes.len() == 1 && b.axes.len() == 1 && a.axes != b.axes);
        let mut texts: Vec<Array> = Vec::new();
        if is_outer {
            texts.extend(above.iter().filter(|f| f.array.axes.is_empty()).map(|f| f.array.clone()));
            let (a, b) = (vectors[0], vectors[1]);
            let (a, b) = if a.axes < b.axes { (a, b) } else { (b, a) };
            texts.push(Array::call(format!("np.outer({}, {})", a.text, b.text), axes.clone()));
        } else {
            texts.extend(above.iter().map(|f| aligned(&f.array, &axes)));
        }
        let below: Vec<Array> = below.iter().map(|f| aligned(&f.array, &axes)).collect();
        let plain = |a: &Array| a.axes.is_empty() && (a.is_number() || self.is_size(a));
        // Python's own numbers refuse a division by zero.
        if !below.is_empty() && texts.iter().chain(&below).all(plain) {
            match texts.first_mut() {
                Some(first) => *first = Array::call(format!("np.float64({})", first.text), []),
                None => texts.push(Array::call("np.float64(1)", [])),
            }
        }
        if texts.is_empty() {
            texts.push(Array::atom("1", []));
        }
        if let ([one], []) = (texts.as_slice(), below.as_slice()) {
            return Array { axes, ..one.clone() };
        }
        let mut text = String::new();
        for (k, factor) in texts.iter().enumerate() {
            if k > 0 {
                text.push_str(" * ");
            }
            text.push_str(&factor.at(if k == 0 { Level::Mul } else { Level::Unary }));
        }
        match below.as_slice() {
            [] => {}
            [one] => text = format!("{text} / {}", one.at(Level::Unary)),
            several => {
                let product: Vec<String> = several
                    .iter()
                    .enumerate()
                    .map(|(k, b)| b.at(if k == 0 { Level::Mul } else { Level::Unary }))
                    .collect();
                text = format!("{text} / ({})", product.join(" * "));
            }
        }
        Array { fresh: true, ..Array::new(text, Level::Mul, axes) }
    }
}

impl Mask {
    fn labels(&self) -> Vec<usize> {
        match &self.triangle {
            Some(t) => vec![t.row.min(t.column), t.row.max(t.column)],
            None => self.array.axes.clone(),
        }
    }

    fn is_triangle_of(&self, value: &Array) -> bool {
        self.triangle
            .as_ref()
            .is_some_and(|t| value.axes == [t.row, t.column] || value.axes == [t.column, t.row])
    }
}

/// `p & q`
pub(super) fn both(p: &Array, q: &Array) -> Array {
    let axes = union([p, q]);
    let text = format!("{} & {}", aligned(p, &axes).at(Level::And), aligned(q, &axes).at(Level::Add));
    Array::new(text, Level::And, axes)
}

fn where_else_zero(mask: &Array, value: &Array) -> Array {
    let axes = union([mask, value]);
    let mask = aligned(mask, &axes);
    // Two whole numbers would make an array of whole numbers.
    if value.text == "1" {
        return Array::call(format!("np.where({}, 1.0, 0.0)", mask.text), axes);
    }
    Array::call(format!("np.where({}, {}, 0.0)", mask.text, aligned(value, &axes).text), axes)
}

/// The summed label that few factors touch, then the one whose sum has few axes.
fn next_label(factors: &[Factor], open: &[usize]) -> Option<usize> {
    let cost = |&label: &usize| {
        let group: Vec<&Factor> = factors.iter().filter(|f| f.has(label)).collect();
        let rank = union(group.iter().map(|f| &f.array)).len();
        (group.len().min(3), rank, label)
    };
    open.iter().copied().min_by_key(cost)
}

/// `x.sum(axis=…)` over labels.
fn sum_over(array: &Array, summed: &[usize]) -> Array {
    let places: Vec<usize> = (0..array.axes.len()).filter(|&k| summed.contains(&array.axes[k])).collect();
    let axes: Vec<usize> = array.axes.iter().copied().filter(|l| !summed.contains(l)).collect();
    let all = axes.is_empty();
    if all && let Some(rest) = array.text.strip_prefix("np.diagonal(").filter(|_| array.level == Level::Atom)
    {
        return Array::call(format!("np.trace({rest}"), axes);
    }
    Array::call(format!("{}.sum({})", array.at(Level::Atom), axis_list(&places, all)), axes)
}

/// `a @ b` over one label that both have; other labels are distinct.
fn matmul(a: &Array, b: &Array, label: usize) -> Option<Array> {
    let rest = |x: &Array| -> Vec<usize> { x.axes.iter().copied().filter(|&l| l != label).collect() };
    let (ra, rb) = (rest(a), rest(b));
    // A matrix stands before a vector, and the axis that comes first in the result comes first.
    let swap = match (ra.is_empty(), rb.is_empty()) {
        (true, false) => true,
        (false, true) => false,
        _ => ra.len() < rb.len() || (ra.len() == rb.len() && ra > rb),
    };
    let (a, b, mut ra, mut rb) = if swap { (b, a, rb, ra) } else { (a, b, ra, rb) };
    if rb.len() > 1 {
        return None;
    }
    ra.push(label);
    let left = a.permuted(&ra);
    ra.pop();
    rb.insert(0, label);
    let right = b.permuted(&rb);
    rb.remove(0);
    let before = if left.level == Level::Matmul { left.text.clone() } else { left.at(Level::Unary) };
    ra.extend(rb);
    Some(Array {
        fresh: true,
        ..Array::new(format!("{before} @ {}", right.at(Level::Unary)), Level::Matmul, ra)
    })
}

/// `np.einsum` over the given labels, axes of the result ascending.
fn einsum(arrays: &[Array], summed: &[usize]) -> Array {
    let all = union(arrays);
    let letter = |l: &usize| {
        let place = all.iter().position(|a| a == l).expect("invariant: a label of some factor");
        char::from(LETTERS[place % LETTERS.len()])
    };
    let axes: Vec<usize> = all.iter().copied().filter(|l| !summed.contains(l)).collect();
    let inputs: Vec<String> = arrays.iter().map(|a| a.axes.iter().map(letter).collect()).collect();
    let output: String = axes.iter().map(letter).collect();
    let texts: Vec<&str> = arrays.iter().map(|a| a.text.as_str()).collect();
    let optimize = if arrays.len() > 2 { ", optimize=True" } else { "" };
    Array::call(
        format!("np.einsum(\"{}->{output}\", {}{optimize})", inputs.join(","), texts.join(", ")),
        axes,
    )
}
