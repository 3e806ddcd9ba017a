//! Matrix products among the nests: `C[batch,m,n] = Σ_k A[batch,m,k] B[batch,k,n]`, with masks and scales.
//!
//! [`prepare`] brings nests into that form, where a factor that belongs to one side only is multiplied into that side
//! first; [`recognise`] reads the form off.

use super::labels::{Set, labels, points};
use super::{ArrayId, Arrays, At, Body, Definition, Entry, Factor, Guard, Nest, Read, Reduction};
use crate::gemm::{Line, Product, Prologue, Strides, View};
use smallvec::SmallVec;

/// Multiply-adds from which a matrix product is worth a kernel of its own.
const LEAST: usize = 1 << 14;
/// Terms of a sum from which it is.
const TERMS: usize = 12;
/// Rows, or columns, from which it is.
const SIDE: usize = 12;
/// Rows, and columns, from which a product is done for each row of a batch of masks: with fewer, the entries of the
/// factor that is shared by the batch are read too often for too little work.
const APART: usize = 8;

/// A matrix product over arrays.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Extents, strides, what happens before and after.
    pub product: Product<f64>,
    /// Left factor.
    pub a: ArrayId,
    /// Right factor.
    pub b: ArrayId,
    /// Scale along the summed label.
    pub k_scale: Option<ArrayId>,
    /// Terms that take part.
    pub active_k: Option<ArrayId>,
    /// Rows that are computed.
    pub active_rows: Option<ArrayId>,
    /// Columns that are computed.
    pub active_cols: Option<ArrayId>,
    /// Entries that are kept.
    pub mask: Option<ArrayId>,
    /// What is added to every entry.
    pub bias: Option<ArrayId>,
}

/// How the labels of a matrix product are divided.
struct Sides {
    /// Positions of the two main factors.
    a: usize,
    b: usize,
    /// Their labels.
    in_a: Set,
    in_b: Set,
    bound: Set,
    /// Labels besides the summed one of a condition that says which terms take part: the product is done for each of
    /// them, with these terms only.
    apart: Set,
}

impl Sides {
    /// The two factors that carry the product, if it is one that is worth it.
    fn of(arrays: &Arrays, nest: &Nest) -> Option<Sides> {
        let Body::Product(factors) = &nest.body else { return None };
        if nest.reduction != Reduction::Sum || nest.free == nest.extents.len() || nest.extents.len() > 60 {
            return None;
        }
        let points = |set: Set| points(set, &nest.extents);
        let bound: Set = (nest.free..nest.extents.len()).fold(0, |s, l| s | 1 << l);
        // The factor with most entries is one side; the other is the largest that has rows of its own, or else the
        // largest: a matrix times a vector.
        let mut order: Vec<usize> = (0..factors.len())
            .filter(|&k| {
                let f = &factors[k];
                !f.divides && f.power == 1 && labels(&f.read.at) & bound == bound
            })
            .collect();
        order
            .sort_by_key(|&k| std::cmp::Reverse((points(labels(&factors[k].read.at)), std::cmp::Reverse(k))));
        let &first = order.first()?;
        let in_first = labels(&factors[first].read.at);
        let own = |k: usize| labels(&factors[k].read.at) & !in_first;
        let second = order[1..].iter().copied().find(|&k| own(k) != 0).or_else(|| order.get(1).copied())?;
        let (a, b) = (first.min(second), first.max(second));
        let mut sides = Sides {
            a,
            b,
            in_a: labels(&factors[a].read.at),
            in_b: labels(&factors[b].read.at),
            bound,
            apart: 0,
        };
        sides.apart = sides.terms_apart(nest, factors);
        if sides.apart == 0 {
            sides.widen(nest, factors);
        }
        let every = (0..nest.extents.len()).fold(0, |s, l| s | 1 << l);
        let (rows, columns) = (points(sides.rows()), points(sides.columns()));
        let worth = points(every) >= LEAST && points(bound) >= TERMS && rows.max(columns) >= SIDE;
        let affine = [a, b].iter().all(|&k| {
            let read = &factors[k].read;
            read.at.iter().all(At::is_affine) && arrays[read.array].entry == Entry::Real
        });
        (worth && affine && every & !(sides.in_a | sides.in_b | sides.apart) == 0).then_some(sides)
    }

    /// Labels of the rows: of the left factor alone.
    fn rows(&self) -> Set {
        self.in_a & !self.in_b & !self.apart
    }

    /// Labels of the columns.
    fn columns(&self) -> Set {
        self.in_b & !self.in_a & !self.apart
    }

    /// The labels, besides the summed one, of the only condition, where it is worth leaving out terms for each of them:
    /// `Σ_k A[i,k] B[k,j]` where the unit `k` is active for the row `b` of a batch.
    ///
    /// Written into a factor, the condition saves nothing and repeats the factor for each row of the batch.
    fn terms_apart(&self, nest: &Nest, factors: &[Factor]) -> Set {
        let [Guard::Holds(_, at, false)] = &nest.guards[..] else { return 0 };
        let of = labels(at);
        let plain = at.iter().all(|t| t.as_label().is_some()) && at.len() == of.count_ones() as usize;
        let apart = of & !self.bound;
        if !plain || self.k().is_none() || of & self.bound == 0 || apart == 0 {
            return 0;
        }
        let fits = |(k, f): (usize, &Factor)| {
            let of = labels(&f.read.at) | f.read.guards.iter().fold(0, |set, g| set | labels(g.indices()));
            (k != self.b && of & !self.in_a == 0) || (k != self.a && of & !self.in_b == 0)
        };
        let points = |set: Set| points(set, &nest.extents);
        let own = [self.in_a & !self.in_b & !apart, self.in_b & !self.in_a & !apart].map(points);
        let worth = own[0].min(own[1]) >= APART && own[0].saturating_mul(own[1]) >= APART * APART * 4;
        if worth && factors.iter().enumerate().all(fits) { apart } else { 0 }
    }

    /// A factor or condition on summed labels that fits neither side makes a side wider: that side is written out with
    /// it first.
    fn widen(&mut self, nest: &Nest, factors: &[Factor]) {
        let others = factors.iter().enumerate().filter(|(k, _)| *k != self.a && *k != self.b);
        let of_factors: Vec<Set> = others.map(|(_, f)| labels(&f.read.at)).collect();
        let of_guards = nest.guards.iter().map(|g| labels(g.indices()));
        for of in of_factors.into_iter().chain(of_guards) {
            if of & self.bound == 0 || of & !self.in_a == 0 || of & !self.in_b == 0 {
                continue;
            }
            let (only_a, only_b) = (self.in_a & !self.in_b, self.in_b & !self.in_a);
            let entries = |set: Set| points(set, &nest.extents);
            let left = (of & only_b == 0).then(|| entries(self.in_a | of));
            let right = (of & only_a == 0).then(|| entries(self.in_b | of));
            match (left, right) {
                (Some(left), Some(right)) if right < left => self.in_b |= of,
                (Some(_), _) => self.in_a |= of,
                (None, Some(_)) => self.in_b |= of,
                (None, None) => {}
            }
        }
    }

    fn k(&self) -> Option<usize> {
        (self.bound.count_ones() == 1).then(|| self.bound.trailing_zeros() as usize)
    }
}

/// Multiplies what belongs to one side into that side, so that [`recognise`] finds two factors.
pub fn prepare(arrays: Arrays) -> Arrays {
    arrays.rebuilt(|out, definition| {
        let Definition::Nest(nest) = definition else { return };
        if let Some(sides) = Sides::of(out, nest) {
            let whole = nest.clone();
            separate(out, nest, &sides);
            // Only a product takes the zeros of a factor for absent terms.
            if nest.guards.len() < whole.guards.len() && recognised(out, nest).is_none() {
                *nest = whole;
            }
        }
    })
}

/// A vector along the only summed label, which the product takes as it is.
fn is_line(read: &Read, k: Option<usize>) -> bool {
    read.guards.is_empty() && matches!(&read.at[..], [t] if t.as_label().is_some() && t.as_label() == k)
}

/// A condition that the product takes as it is: on one label, or on rows and columns of the result.
fn is_mask(guard: &Guard, sides: &Sides) -> bool {
    let Guard::Holds(_, at, false) = guard else { return false };
    let plain = at.iter().all(|t| t.as_label().is_some());
    sides.apart != 0 || (plain && (labels(at).count_ones() == 1 || labels(at) & sides.bound == 0))
}

fn separate(out: &mut Arrays, nest: &mut Nest, sides: &Sides) {
    let Body::Product(factors) = std::mem::replace(&mut nest.body, Body::Const(0.0)) else {
        unreachable!("invariant: a product")
    };
    let (mut left, mut right) = (vec![factors[sides.a].clone()], vec![factors[sides.b].clone()]);
    let mut rest = Vec::new();
    let mut line = false;
    for (k, factor) in factors.iter().enumerate() {
        let of = labels(&factor.read.at);
        if k == sides.a || k == sides.b {
            continue;
        }
        if of == 0 && crate::schedule::constant(&out[factor.read.array]).is_some() {
            rest.push(factor.clone());
        } else if !line && is_line(&factor.read, sides.k()) && factor.power == 1 && !factor.divides {
            line = true;
            rest.push(factor.clone());
        } else if of & !sides.in_a == 0 {
            left.push(factor.clone());
        } else if of & !sides.in_b == 0 {
            right.push(factor.clone());
        } else {
            rest.push(factor.clone());
        }
    }
    let (mut left_guards, mut right_guards, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut masked: Set = 0;
    for guard in std::mem::take(&mut nest.guards) {
        let of = labels(guard.indices());
        if is_mask(&guard, sides) && masked & of == 0 {
            masked |= of;
            kept.push(guard);
        } else if of & !sides.in_a == 0 {
            left_guards.push(guard);
        } else if of & !sides.in_b == 0 {
            right_guards.push(guard);
        } else {
            kept.push(guard);
        }
    }
    nest.guards = kept;
    let mut joined = vec![
        side(out, nest, left, left_guards, sides.in_a),
        side(out, nest, right, right_guards, sides.in_b),
    ];
    joined.append(&mut rest);
    nest.body = Body::Product(joined);
}

/// One side as one factor.
fn side(out: &mut Arrays, nest: &Nest, mut factors: Vec<Factor>, guards: Vec<Guard>, of: Set) -> Factor {
    let narrow = labels(&factors[0].read.at) == of;
    if factors.len() == 1 && guards.is_empty() && factors[0].read.guards.is_empty() && narrow {
        return factors.remove(0);
    }
    // As the main factor has its axes, so that the product reads along memory.
    let mut order: Vec<usize> = factors[0].read.at.iter().filter_map(At::as_label).collect();
    let more: Vec<usize> =
        (0..nest.extents.len()).filter(|l| of >> l & 1 == 1 && !order.contains(l)).collect();
    if !more.is_empty() {
        // With labels of other factors the free ones stand together, as in the result: together they are the rows, or
        // the columns, of one product.
        let summed_first = order.first().is_some_and(|&l| l >= nest.free);
        order.extend(more);
        order.sort_by_key(|&l| if l >= nest.free { (!summed_first, 0) } else { (summed_first, l) });
    }
    let place = |label: usize| {
        At::label(order.iter().position(|&l| l == label).expect("invariant: a label of the side"))
    };
    let body = Nest {
        extents: order.iter().map(|&l| nest.extents[l]).collect(),
        free: order.len(),
        reduction: Reduction::Sum,
        guards: guards.iter().map(|g| g.substitute(&place)).collect(),
        body: Body::Product(factors.iter().map(|f| f.substitute(&place)).collect()),
        absent: !guards.is_empty(),
    };
    let array = out.nest(Entry::Real, body);
    Factor { read: Read::new(array, order.iter().map(|&l| At::label(l))), power: 1, divides: false }
}

/// Extents of the labels of a nest, and of the matrix they are in.
struct Strided<'a> {
    arrays: &'a Arrays,
    nest: &'a Nest,
}

impl Strided<'_> {
    /// Offset, and the step for each label.
    fn steps(&self, array: ArrayId, at: &[At]) -> Option<(i64, Vec<i64>)> {
        self.steps_in(&self.arrays[array].shape, at)
    }

    fn steps_in(&self, shape: &[usize], at: &[At]) -> Option<(i64, Vec<i64>)> {
        let mut steps = vec![0; self.nest.extents.len()];
        let (mut offset, mut stride) = (0, 1);
        for (index, &extent) in at.iter().zip(shape).rev() {
            offset += index.base * stride;
            for (atom, slope) in &index.parts {
                let super::Atom::Label(l) = atom else { return None };
                steps[*l] += slope * stride;
            }
            stride *= extent as i64;
        }
        Some((offset, steps))
    }
}

/// The steps of several labels as those of one, if they follow each other: outermost first.
fn flattened(labels: &[usize], extents: &[usize], steps: &[&[i64]]) -> Option<(usize, Vec<i64>)> {
    let Some((&last, outer)) = labels.split_last() else { return Some((1, vec![0; steps.len()])) };
    let mut extent = extents[last];
    for &label in outer.iter().rev() {
        if !steps.iter().all(|s| s[label] == s[last] * extent as i64) {
            return None;
        }
        extent *= extents[label];
    }
    Some((extent, steps.iter().map(|s| s[last]).collect()))
}

/// The matrix product that an array is, if it is one.
pub fn recognise(arrays: &Arrays, id: ArrayId) -> Option<Matrix> {
    recognised(arrays, arrays[id].as_nest()?)
}

fn recognised(arrays: &Arrays, nest: &Nest) -> Option<Matrix> {
    let sides = Sides::of(arrays, nest)?;
    let Body::Product(factors) = &nest.body else { return None };
    let (a, b) = (&factors[sides.a].read, &factors[sides.b].read);
    if !a.guards.is_empty() || !b.guards.is_empty() {
        return None;
    }
    let strided = Strided { arrays, nest };
    let (a_offset, a_steps) = strided.steps(a.array, &a.at)?;
    let (b_offset, b_steps) = strided.steps(b.array, &b.at)?;
    let own: Vec<At> = (0..nest.free).map(At::label).collect();
    let (_, c_steps) = strided.steps_in(&nest.extents[..nest.free], &own)?;
    let list = |set: Set| (0..nest.extents.len()).filter(|l| set >> l & 1 == 1).collect::<Vec<_>>();
    let (rows, columns) = (list(sides.rows()), list(sides.columns()));
    let terms = list(sides.bound);
    let mut batch = list((sides.in_a & sides.in_b & !sides.bound) | sides.apart);
    let (k, k_steps) = flattened(&terms, &nest.extents, &[&a_steps, &b_steps])?;
    // Rows and columns that do not lie one after the other are batches.
    let mut one = |labels: Vec<usize>, steps: [&[i64]; 2]| -> (usize, Vec<i64>, Vec<usize>) {
        for from in 0..labels.len() {
            if let Some((extent, steps)) = flattened(&labels[from..], &nest.extents, &steps) {
                batch.extend(&labels[..from]);
                return (extent, steps, labels[from..].to_vec());
            }
        }
        (1, vec![0, 0], Vec::new())
    };
    let (m, m_steps, row_labels) = one(rows, [&a_steps, &c_steps]);
    let (n, n_steps, column_labels) = one(columns, [&b_steps, &c_steps]);
    let steps_of = |steps: &[i64]| batch.iter().map(|&l| steps[l] as isize).collect::<Strides>();
    let view = |offset: i64, row: i64, col: i64, steps: &[i64]| {
        let offset = usize::try_from(offset).ok()?;
        Some(View { offset, row_stride: row as isize, col_stride: col as isize, batch: steps_of(steps) })
    };
    let mut product = Product::new(m, k, n);
    product.batch = batch.iter().map(|&l| nest.extents[l]).collect::<SmallVec<_>>();
    product.a = view(a_offset, m_steps[0], k_steps[0], &a_steps)?;
    product.b = view(b_offset, k_steps[1], n_steps[0], &b_steps)?;
    product.c = view(0, m_steps[1], n_steps[1], &c_steps)?;
    let [absent_a, absent_b] = [a.array, b.array].map(|side| arrays.has_absent(side));
    product.prologue = Prologue { absent_a, absent_b, ..Prologue::default() };
    let mut matrix = Matrix {
        product,
        a: a.array,
        b: b.array,
        k_scale: None,
        active_k: None,
        active_rows: None,
        active_cols: None,
        mask: None,
        bias: None,
    };
    let line = |array: ArrayId, at: &At, of: &[usize]| -> Option<Line> {
        let (offset, steps) = strided.steps(array, std::slice::from_ref(at))?;
        let (_, steps) = flattened(of, &nest.extents, &[&steps])?;
        Some(Line {
            offset: usize::try_from(offset).ok()?,
            stride: steps[0] as isize,
            batch: SmallVec::new(),
        })
    };
    for (position, factor) in factors.iter().enumerate() {
        if position == sides.a || position == sides.b {
            continue;
        }
        if let Some(c) = crate::schedule::constant(&arrays[factor.read.array]) {
            let c = c.powi(i32::try_from(factor.power).ok()?);
            matrix.product.alpha =
                if factor.divides { matrix.product.alpha / c } else { matrix.product.alpha * c };
            continue;
        }
        let fits = matrix.k_scale.is_none() && is_line(&factor.read, sides.k()) && factor.power == 1;
        if !fits || factor.divides {
            return None;
        }
        matrix.product.prologue.scale = Some(line(factor.read.array, &factor.read.at[0], &terms)?);
        matrix.k_scale = Some(factor.read.array);
    }
    for guard in &nest.guards {
        let Guard::Holds(array, at, false) = guard else { return None };
        if sides.apart != 0 {
            let (offset, steps) = strided.steps(*array, at)?;
            matrix.active_k = Some(*array);
            matrix.product.prologue.active_k = Some(Line {
                offset: usize::try_from(offset).ok()?,
                stride: steps[terms[0]] as isize,
                batch: steps_of(&steps),
            });
            continue;
        }
        let [only] = &at[..] else {
            // Rows and columns at once: entries of the result.
            let (offset, steps) = strided.steps(*array, at)?;
            let (_, row) = flattened(&row_labels, &nest.extents, &[&steps])?;
            let (_, col) = flattened(&column_labels, &nest.extents, &[&steps])?;
            if matrix.mask.is_some() || labels(at) & sides.bound != 0 {
                return None;
            }
            matrix.mask = Some(*array);
            matrix.product.epilogue.mask = Some(view(offset, row[0], col[0], &steps)?);
            continue;
        };
        let label = only.as_label()?;
        let (slot, place, of) = if terms == [label] {
            (&mut matrix.active_k, &mut matrix.product.prologue.active_k, &terms)
        } else if row_labels == [label] {
            (&mut matrix.active_rows, &mut matrix.product.prologue.active_rows, &row_labels)
        } else if column_labels == [label] {
            (&mut matrix.active_cols, &mut matrix.product.prologue.active_cols, &column_labels)
        } else {
            return None;
        };
        if slot.is_some() {
            return None;
        }
        *place = Some(line(*array, only, of)?);
        *slot = Some(*array);
    }
    let p = &mut matrix.product;
    p.symmetric = a.array == b.array
        && p.epilogue.is_none()
        && p.m == p.n
        && p.a.transposed() == p.b
        && p.c.row_stride != p.c.col_stride
        && matrix.active_rows == matrix.active_cols
        && p.prologue.active_rows == p.prologue.active_cols;
    Some(matrix)
}

/// Sums of a matrix product and one more array become part of the product: `c·A B + bias`, finished in the cache.
///
/// The sum takes the place of the product, which nothing else may read.
///
/// Answers which products have been taken over.
pub fn finish(arrays: &Arrays, matrices: &mut [Option<Matrix>]) -> Vec<bool> {
    let mut folded = vec![false; arrays.arrays.len()];
    let mut users = vec![0u32; arrays.arrays.len()];
    for array in &arrays.arrays {
        array.definition.each_operand(&mut |a| users[a.index()] += 1);
    }
    arrays.outputs.iter().for_each(|o| users[o.index()] += 1);
    for k in 0..arrays.arrays.len() {
        let id = ArrayId(k as u32);
        let Some(nest) = arrays[id].as_nest() else { continue };
        let Some((product, scale, bias)) = biased(arrays, nest, matrices, &users) else { continue };
        let mut matrix = matrices[product.index()].clone().expect("just seen");
        let strided = Strided { arrays, nest };
        let Some((offset, steps)) = strided.steps(bias.array, &bias.at) else { continue };
        let Some(own) = strided.steps(id, &(0..nest.free).map(At::label).collect::<Vec<_>>()) else {
            continue;
        };
        let Some(view) = along(&matrix.product, nest, &own.1, offset, &steps) else { continue };
        matrix.product.alpha *= scale;
        matrix.product.epilogue.bias = Some(view);
        matrix.product.symmetric = false;
        matrix.bias = Some(bias.array);
        matrices[k] = Some(matrix);
        matrices[product.index()] = None;
        folded[product.index()] = true;
    }
    folded
}

/// A product that only this sum reads, its coefficient, and the other term.
fn biased<'a>(
    arrays: &Arrays,
    nest: &'a Nest,
    matrices: &[Option<Matrix>],
    users: &[u32],
) -> Option<(ArrayId, f64, &'a Read)> {
    let Body::Sum(terms) = &nest.body else { return None };
    let [(_, a), (_, b)] = &terms[..] else { return None };
    if !nest.guards.is_empty() || !a.guards.is_empty() || !b.guards.is_empty() {
        return None;
    }
    let fits = |k: usize| {
        let (scale, read) = &terms[k];
        let (unit, other) = &terms[1 - k];
        let whole =
            read.at.len() == nest.free && read.at.iter().enumerate().all(|(l, t)| t.as_label() == Some(l));
        let matrix = matrices[read.array.index()].as_ref()?;
        let free = matrix.product.epilogue.is_none() && matrix.product.m > 1 && matrix.product.n > 1;
        // Rows and columns that are not computed would not get the other term.
        let free = free && matrix.active_rows.is_none() && matrix.active_cols.is_none();
        let real = arrays[other.array].entry == Entry::Real && other.array != read.array;
        (whole
            && free
            && real
            && *unit == 1.0
            && users[read.array.index()] == 1
            && crate::schedule::constant(&arrays[other.array]).is_none()
            && other.at.iter().all(At::is_affine))
        .then_some((read.array, *scale, other))
    };
    fits(0).or_else(|| fits(1))
}

/// The steps of an operand along rows, columns and batches of a product, whose result has the steps `own` in a nest.
fn along(product: &Product<f64>, nest: &Nest, own: &[i64], offset: i64, steps: &[i64]) -> Option<View> {
    // A label belongs to the rows when its step is a multiple of theirs within their extent.
    let step_of = |extent: usize, stride: isize| -> Option<isize> {
        if extent == 1 {
            return Some(0);
        }
        let innermost = (0..nest.free).find(|&l| own[l] as isize == stride && nest.extents[l] > 1)?;
        let step = steps[innermost];
        let mut reached = nest.extents[innermost];
        while reached < extent {
            let next = (0..nest.free)
                .find(|&l| nest.extents[l] > 1 && own[l] as isize == stride * reached as isize)?;
            if steps[next] != step * reached as i64 {
                return None;
            }
            reached *= nest.extents[next];
        }
        (reached == extent).then_some(step as isize)
    };
    let row_stride = step_of(product.m, product.c.row_stride)?;
    let col_stride = step_of(product.n, product.c.col_stride)?;
    let mut batch = Strides::new();
    for (&extent, &stride) in product.batch.iter().zip(&product.c.batch) {
        batch.push(step_of(extent, stride)?);
    }
    Some(View { offset: usize::try_from(offset).ok()?, row_stride, col_stride, batch })
}

impl Matrix {
    /// Every array that is read.
    pub fn reads(&self) -> impl Iterator<Item = ArrayId> + use<> {
        let extra = [self.k_scale, self.active_k, self.active_rows, self.active_cols, self.mask, self.bias];
        [self.a, self.b].into_iter().chain(extra.into_iter().flatten())
    }
}
