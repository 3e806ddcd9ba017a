//! Every product against a triple loop in doubled precision, within the bound that the arithmetic promises.

use super::*;
use smallvec::SmallVec;

/// A number with its unit roundoff.
trait Number: Real {
    const ROUNDOFF: f64;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Number for f64 {
    const ROUNDOFF: f64 = f64::EPSILON / 2.0;
    fn of(x: f64) -> f64 {
        x
    }
    fn wide(self) -> f64 {
        self
    }
}

impl Number for f32 {
    const ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;
    fn of(x: f64) -> f32 {
        x as f32
    }
    fn wide(self) -> f64 {
        self.into()
    }
}

/// Xorshift: the same cases on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn number<T: Number>(&mut self) -> T {
        T::of(self.next() as f64 / (1u64 << 52) as f64 - 1.0)
    }
    fn size(&mut self, most: usize) -> usize {
        match self.below(8) {
            0 => self.below(3),
            1 | 2 => self.below(10),
            _ => self.below(most + 1),
        }
    }
}

/// A sum in two doubles: about 106 bits.
#[derive(Copy, Clone, Default)]
struct Pair(f64, f64);

impl Pair {
    fn add(self, x: f64) -> Pair {
        let sum = self.0 + x;
        let part = sum - self.0;
        Pair(sum, self.1 + ((self.0 - (sum - part)) + (x - part)))
    }
    fn add_product(self, x: f64, y: f64) -> Pair {
        let product = x * y;
        self.add(product).add(x.mul_add(y, -product))
    }
    fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// What stands where nobody may write.
const GUARD: f64 = 1234.5;

/// Axes of a matrix with their batch axes, laid out in a buffer of their own.
struct Laid<T> {
    view: View,
    data: Vec<T>,
}

impl<T: Number> Laid<T> {
    /// Some order of the axes, some gaps, some signs, and if `shared` some strides of zero.
    fn new(r: &mut Random, rows: usize, cols: usize, batch: &[usize], shared: bool) -> Laid<T> {
        let mut axes: Vec<usize> = (0..2 + batch.len()).collect();
        if r.one_in(2) {
            axes.swap(0, 1);
        }
        if r.one_in(3) {
            let other = r.below(axes.len());
            axes.swap(0, other);
        }
        let extents: Vec<usize> = [rows, cols].iter().chain(batch).copied().collect();
        let (mut strides, mut size, mut offset) = (vec![0isize; axes.len()], 1, 7 + r.below(9));
        for (place, &axis) in axes.iter().enumerate() {
            if shared && r.one_in(9) {
                continue;
            }
            let gap = if place > 0 && r.one_in(3) { r.below(5) } else { usize::from(r.one_in(8)) };
            size += if place == 0 { gap } else { 0 };
            let stride = size + if place == 0 { 0 } else { gap };
            strides[axis] = stride as isize;
            let reach = stride * extents[axis].saturating_sub(1);
            if r.one_in(6) {
                strides[axis] = -strides[axis];
                offset += reach;
            }
            size = (stride * extents[axis]).max(1);
        }
        let view = View {
            offset,
            row_stride: strides[0],
            col_stride: strides[1],
            batch: strides[2..].iter().copied().collect(),
        };
        let mut laid = Laid { view, data: vec![T::of(GUARD); 32 + size + offset] };
        for_each(&[rows, cols], batch, |i, j, t| {
            let x = r.number();
            *laid.at(i, j, t) = x;
        });
        laid
    }

    fn place(&self, i: usize, j: usize, t: &[usize]) -> usize {
        place(&self.view, i, j, t)
    }

    fn at(&mut self, i: usize, j: usize, t: &[usize]) -> &mut T {
        let place = self.place(i, j, t);
        &mut self.data[place]
    }
}

fn place(view: &View, i: usize, j: usize, t: &[usize]) -> usize {
    let own = i as isize * view.row_stride + j as isize * view.col_stride;
    let steps: isize = view.batch.iter().zip(t).map(|(&stride, &t)| stride * t as isize).sum();
    view.offset.checked_add_signed(own + steps).expect("inside")
}

fn for_each(own: &[usize; 2], batch: &[usize], mut f: impl FnMut(usize, usize, &[usize])) {
    for number in 0..batch.iter().product() {
        let mut rest: usize = number;
        let mut t = vec![0; batch.len()];
        for (x, extent) in t.iter_mut().zip(batch).rev() {
            (*x, rest) = (rest % extent, rest / extent);
        }
        for i in 0..own[0] {
            for j in 0..own[1] {
                f(i, j, &t);
            }
        }
    }
}

/// A product with its numbers.
struct Case<T> {
    p: Product<T>,
    a: Vec<T>,
    b: Vec<T>,
    c: Vec<T>,
    k_scale: Vec<T>,
    active_k: Vec<T>,
    active_rows: Vec<T>,
    active_cols: Vec<T>,
    bias: Vec<T>,
    mask: Vec<T>,
    scale: Vec<T>,
}

fn laid_line<T: Number>(
    r: &mut Random,
    n: usize,
    batch: &[usize],
    truth: Option<usize>,
) -> (Option<Line>, Vec<T>) {
    let laid = Laid::<T>::new(r, n, 1, batch, false);
    let (view, mut data) = (laid.view, laid.data);
    if let Some(odds) = truth {
        data.iter_mut().for_each(|x| *x = T::of(if r.one_in(odds) { 0.0 } else { 2.5 }));
    }
    (Some(Line { offset: view.offset, stride: view.row_stride, batch: view.batch }), data)
}

fn line_place(line: &Line, i: usize, t: &[usize]) -> usize {
    let view =
        View { offset: line.offset, row_stride: line.stride, col_stride: 0, batch: line.batch.clone() };
    place(&view, i, 0, t)
}

impl<T: Number> Case<T> {
    fn random(r: &mut Random, most: usize, plain: bool) -> Case<T> {
        let batch: SmallVec<[usize; 2]> = (0..r.below(8).saturating_sub(5)).map(|_| r.below(6)).collect();
        let symmetric = r.one_in(5);
        let (m, k, n) = (r.size(most), r.size(most), r.size(most));
        let n = if symmetric { m } else { n };
        let a = Laid::<T>::new(r, m, k, &batch, true);
        let b = Laid::<T>::new(r, k, n, &batch, true);
        let mut c = Laid::<T>::new(r, m, n, &batch, false);
        if symmetric {
            for_each(&[m, n], &batch, |i, j, t| *c.at(i, j, t) = c.data[c.place(j, i, t)]);
        }
        let (b_view, b) = if symmetric { (a.view.transposed(), a.data.clone()) } else { (b.view, b.data) };
        let mut p = Product::new(m, k, n);
        (p.batch, p.a, p.b, p.c, p.symmetric) = (batch.clone(), a.view, b_view, c.view, symmetric);
        p.alpha = T::of([1.0, 1.0, -1.0, 0.3][r.below(4)]);
        p.beta = T::of([0.0, 0.0, 1.0, -0.7][r.below(4)]);
        let none = Vec::new;
        let mut case = Case {
            p,
            a: a.data,
            b,
            c: c.data,
            k_scale: none(),
            active_k: none(),
            active_rows: none(),
            active_cols: none(),
            bias: none(),
            mask: none(),
            scale: none(),
        };
        if plain {
            return case;
        }
        let odds = [2, 3, 5, 10, 30][r.below(5)];
        if r.one_in(3) {
            (case.p.prologue.scale, case.k_scale) = laid_line(r, k, &batch, None);
        }
        if r.one_in(4) {
            (case.p.prologue.active_k, case.active_k) = laid_line(r, k, &batch, Some(odds));
        }
        if r.one_in(4) {
            (case.p.prologue.active_rows, case.active_rows) = laid_line(r, m, &batch, Some(odds));
            if symmetric {
                let line = (case.p.prologue.active_rows.clone(), case.active_rows.clone());
                (case.p.prologue.active_cols, case.active_cols) = line;
            }
        }
        if !symmetric && r.one_in(4) {
            (case.p.prologue.active_cols, case.active_cols) = laid_line(r, n, &batch, Some(odds));
        }
        let side = |r: &mut Random| {
            let laid = Laid::<T>::new(r, m, n, &batch, true);
            (Some(laid.view), laid.data)
        };
        if r.one_in(3) {
            (case.p.epilogue.bias, case.bias) = side(r);
        }
        case.p.epilogue.relu = r.one_in(3);
        if r.one_in(3) {
            (case.p.epilogue.mask, case.mask) = side(r);
            case.mask.iter_mut().for_each(|x| *x = T::of(if r.one_in(odds) { 0.0 } else { 1.0 }));
        }
        if r.one_in(3) {
            (case.p.epilogue.scale, case.scale) = side(r);
        }
        case
    }

    fn run(&self, workspace: &mut Workspace<T>, threads: usize, limit: u8) -> Vec<T> {
        let mut c = self.c.clone();
        let on = &mut Operands {
            a: &self.a,
            b: &self.b,
            c: &mut c,
            k_scale: &self.k_scale,
            active_k: &self.active_k,
            active_rows: &self.active_rows,
            active_cols: &self.active_cols,
            bias: &self.bias,
            mask: &self.mask,
            scale: &self.scale,
        };
        self.p.run_within(on, workspace, threads, limit).expect("the views fit");
        c
    }

    /// Compares with the triple loop, and everything between the entries of C with what was there.
    fn judge(&self, c: &[T]) {
        let p = &self.p;
        let mut untouched = vec![true; c.len()];
        let on = |line: &Option<Line>, data: &[T], i, t: &[usize]| {
            line.as_ref().is_none_or(|line| data[line_place(line, i, t)] != T::ZERO)
        };
        for_each(&[p.m, p.n], &p.batch, |i, j, t| {
            let at = place(&p.c, i, j, t);
            untouched[at] = false;
            let active = on(&p.prologue.active_rows, &self.active_rows, i, t)
                && on(&p.prologue.active_cols, &self.active_cols, j, t);
            let old = if p.beta == T::ZERO { 0.0 } else { self.c[at].wide() };
            let (mut sum, mut size) =
                (Pair::default().add_product(p.beta.wide(), old), (p.beta.wide() * old).abs());
            for q in (0..p.k).filter(|&q| active && on(&p.prologue.active_k, &self.active_k, q, t)) {
                let (x, y) = (self.a[place(&p.a, i, q, t)].wide(), self.b[place(&p.b, q, j, t)].wide());
                let s =
                    p.prologue.scale.as_ref().map_or(1.0, |line| self.k_scale[line_place(line, q, t)].wide());
                // The product of two entries and a scale has up to 159 bits; the last are far below the bound.
                let s = p.alpha.wide() * s;
                let (high, low) = (s * x, s.mul_add(x, -(s * x)));
                sum = sum.add_product(high, y).add(low * y);
                size += (s * x * y).abs();
            }
            let (mut expected, mut factor) = (sum.value(), 1.0);
            if active {
                let read = |view: &Option<View>, data: &[T]| {
                    view.as_ref().map(|view| data[place(view, i, j, t)].wide())
                };
                if let Some(bias) = read(&p.epilogue.bias, &self.bias) {
                    expected += bias;
                    size += bias.abs();
                }
                if p.epilogue.relu {
                    expected = expected.max(0.0);
                }
                if read(&p.epilogue.mask, &self.mask) == Some(0.0) {
                    assert_eq!(c[at].wide().to_bits(), 0, "masked entry ({i}, {j}) is +0: {p:?}");
                    return;
                }
                if let Some(scale) = read(&p.epilogue.scale, &self.scale) {
                    factor = scale;
                }
            } else if p.beta == T::ZERO {
                assert_eq!(c[at].wide().to_bits(), 0, "inactive entry ({i}, {j}) is +0: {p:?}");
            }
            // One rounding for each term, one for each of scale, alpha, beta, bias, epilogue scale and the return to
            // memory after each block of terms; the reference itself rounds its result once or twice.
            let roundings = (p.k + p.k / 256 + 9) as f64;
            let bound = 1.01 * roundings * T::ROUNDOFF * size * factor.abs() + 1e-300;
            let found = c[at].wide();
            assert!(
                (found - expected * factor).abs() <= bound,
                "C({i}, {j}) of {t:?}: {found} instead of {}, bound {bound}\n{p:?}",
                expected * factor
            );
        });
        for (at, untouched) in untouched.iter().enumerate() {
            if *untouched {
                assert_eq!(
                    c[at].wide().to_bits(),
                    self.c[at].wide().to_bits(),
                    "position {at} is not C's: {p:?}"
                );
            }
        }
        if p.symmetric && p.epilogue.is_none() {
            for_each(&[p.m, p.n], &p.batch, |i, j, t| {
                assert_eq!(
                    c[place(&p.c, i, j, t)].wide().to_bits(),
                    c[place(&p.c, j, i, t)].wide().to_bits()
                );
            });
        }
    }
}

fn bits<T: Number>(c: &[T]) -> Vec<u64> {
    c.iter().map(|x| x.wide().to_bits()).collect()
}

fn many<T: Number>(seed: u64, cases: usize, most: usize, plain: bool) {
    let (mut r, mut workspace) = (Random(seed), Workspace::new());
    for _ in 0..cases {
        let case = Case::<T>::random(&mut r, most, plain);
        for limit in 0..3 {
            let c = case.run(&mut workspace, 1, limit);
            case.judge(&c);
            let threads = 2 + r.below(7);
            let again = case.run(&mut workspace, threads, limit);
            assert!(bits(&c) == bits(&again), "{threads} threads: {:?}", case.p);
        }
    }
}

#[test]
fn random_products_keep_the_bound() {
    many::<f64>(0x1234_5678_9ABC_DEF1, 400, 70, true);
    many::<f32>(0x2234_5678_9ABC_DEF1, 400, 70, true);
}

#[test]
fn random_products_with_everything_keep_the_bound() {
    many::<f64>(0x3234_5678_9ABC_DEF1, 700, 40, false);
    many::<f32>(0x4234_5678_9ABC_DEF1, 700, 40, false);
}

#[test]
fn large_products_have_the_same_bits_on_every_number_of_threads() {
    fn go<T: Number>(seed: u64) {
        let mut r = Random(seed);
        for (m, k, n) in [
            (150, 300, 170),
            (1, 700, 600),
            (700, 600, 1),
            (10, 400, 300),
            (1100, 20, 90),
            (1100, 1, 600),
            (97, 520, 97),
        ] {
            for flavour in 0..4 {
                let mut case = Case::<T>::random(&mut r, 0, true);
                let size = m.max(n) * k.max(n.max(m));
                let mut fill = |len| (0..len).map(|_| r.number()).collect::<Vec<T>>();
                (case.p, case.a, case.b, case.c) =
                    (Product::new(m, k, n), fill(size), fill(size), fill(size));
                if flavour % 2 == 1 {
                    (case.p.a.row_stride, case.p.a.col_stride) = (1, m as isize);
                }
                if flavour == 2 {
                    (case.p.b.row_stride, case.p.b.col_stride) = (1, k as isize);
                    case.p.beta = T::of(0.5);
                }
                if flavour == 3 && m == n {
                    (case.p.symmetric, case.p.b, case.b) = (true, case.p.a.transposed(), case.a.clone());
                    (case.p.prologue.scale, case.k_scale) = (Some(Line::unit()), fill(k));
                }
                if flavour == 3 {
                    (case.p.epilogue.bias, case.bias) = (Some(View::by_row()), fill(m));
                    case.p.epilogue.relu = true;
                }
                let mut workspace = Workspace::new();
                let c = case.run(&mut workspace, 1, 2);
                case.judge(&c);
                for threads in [1, 2, 4, 8] {
                    let again = case.run(&mut workspace, threads, 2);
                    assert!(bits(&c) == bits(&again), "{threads} threads: {:?}", case.p);
                }
            }
        }
    }
    go::<f64>(0x5234_5678_9ABC_DEF1);
    go::<f32>(0x6234_5678_9ABC_DEF1);
}

/// Inactive terms, rows and columns hold NaN and infinity: where they are absent nothing of that is seen.
#[test]
fn what_is_inactive_is_absent() {
    for (m, k, n, odds) in [(6, 5, 7, 2), (40, 60, 50, 2), (65, 300, 33, 2), (65, 300, 133, 20)] {
        let mut r = Random(0x7234_5678_9ABC_DEF1 + m as u64);
        let mut mask = |len| (0..len).map(|_| f64::from(u8::from(!r.one_in(odds)))).collect::<Vec<f64>>();
        let (on_k, on_rows, on_cols) = (mask(k), mask(m), mask(n));
        let a: Vec<f64> = (0..m * k)
            .map(|x| if on_rows[x / k] * on_k[x % k] == 0.0 { f64::NAN } else { (x % 11) as f64 })
            .collect();
        let b: Vec<f64> = (0..k * n)
            .map(|x| if on_k[x / n] * on_cols[x % n] == 0.0 { f64::INFINITY } else { (x % 7) as f64 })
            .collect();
        let mut p = Product::new(m, k, n);
        p.prologue.active_k = Some(Line::unit());
        p.prologue.active_rows = Some(Line::unit());
        p.prologue.active_cols = Some(Line::unit());
        let mut c = vec![f64::NAN; m * n];
        let on = &mut Operands {
            a: &a,
            b: &b,
            c: &mut c,
            active_k: &on_k,
            active_rows: &on_rows,
            active_cols: &on_cols,
            ..Operands::default()
        };
        p.run(on, &mut Workspace::new(), 2).expect("the views fit");
        for (at, x) in c.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let live = on_rows[i] * on_cols[j] != 0.0;
            let terms = (0..k).filter(|&q| live && on_k[q] != 0.0);
            // Small integers: every order of additions is exact.
            let expected: f64 = terms.map(|q| a[i * k + q] * b[q * n + j]).sum();
            assert_eq!(x.to_bits(), (expected + 0.0).to_bits(), "C({i}, {j})");
        }
    }
}

/// Each element of a batch takes other terms of a factor that all share, as rows of a batch do behind a ReLU.
#[test]
fn a_batch_of_masks_shares_a_factor() {
    let shapes = [
        (10, 300, 130, 6, 2),
        (1, 260, 500, 5, 2),
        (9, 513, 257, 4, 3),
        (12, 1100, 200, 3, 2),
        (13, 40, 100, 7, 40),
        (10, 300, 130, 3, 1),
    ];
    for (m, k, n, batch, odds) in shapes {
        let mut r = Random(0x8234_5678_9ABC_DEF1 + m as u64);
        let on: Vec<f64> = (0..batch * k).map(|_| f64::from(u8::from(!r.one_in(odds)))).collect();
        let nobody = |q: usize| (0..batch).all(|t| on[t * k + q] == 0.0);
        let b: Vec<f64> =
            (0..k * n).map(|x| if nobody(x / n) { f64::NAN } else { (x % 7) as f64 - 2.0 }).collect();
        let a: Vec<f64> = (0..m * batch * k).map(|x| (x % 11) as f64 - 4.0).collect();
        for shared in [false, true] {
            let mut p = Product::new(m, k, n);
            p.batch = smallvec::smallvec![batch];
            // C[t,i,j] = Σ_q on[t,q] A[t,i,q] B[q,j], or A[i,q] for every t.
            p.a.batch = smallvec::smallvec![if shared { 0 } else { (m * k) as isize }];
            p.c.batch = smallvec::smallvec![(m * n) as isize];
            p.prologue.active_k = Some(Line { batch: smallvec::smallvec![k as isize], ..Line::unit() });
            p.epilogue.scale = Some(View::by_row());
            let scale = vec![2.0; m];
            let mut before = None;
            for threads in [1, 2, 3] {
                let mut c = vec![f64::NAN; batch * m * n];
                let operands = &mut Operands {
                    a: &a,
                    b: &b,
                    c: &mut c,
                    active_k: &on,
                    scale: &scale,
                    ..Operands::default()
                };
                p.run(operands, &mut Workspace::new(), threads).expect("the views fit");
                assert!(before.get_or_insert_with(|| bits(&c)) == &bits(&c), "{threads} threads");
                for (at, x) in c.iter().enumerate() {
                    let (t, i, j) = (at / (m * n), at / n % m, at % n);
                    let from = if shared { i } else { t * m + i };
                    let terms = (0..k).filter(|&q| on[t * k + q] != 0.0);
                    // Small integers: every order of additions is exact.
                    let expected: f64 = terms.map(|q| a[from * k + q] * b[q * n + j]).sum();
                    assert_eq!(*x, 2.0 * expected, "C({t}, {i}, {j}) of {m} x {k} x {n}");
                }
            }
        }
    }
}

#[test]
fn the_epilogue_keeps_nan_and_masks_everything() {
    let nan = f64::NAN;
    for limit in 0..3 {
        let mut p = Product::<f64>::new(1, 0, 6);
        p.epilogue = Epilogue {
            bias: Some(View::by_col()),
            relu: true,
            mask: Some(View::by_col()),
            scale: Some(View::by_col()),
        };
        let mut c = [nan; 6];
        let on = &mut Operands {
            c: &mut c,
            bias: &[nan, nan, -1.0, -0.0, 2.0, f64::INFINITY],
            mask: &[1.0, 0.0, 1.0, 1.0, 1.0, 0.0],
            scale: &[3.0, f64::NEG_INFINITY, 3.0, 3.0, 3.0, -1.0],
            ..Operands::default()
        };
        p.run_within(on, &mut Workspace::new(), 1, limit).expect("empty factors fit anywhere");
        assert!(c[0].is_nan());
        assert_eq!(
            c[1..].iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [0.0, 0.0, 0.0, 6.0, 0.0f64].map(f64::to_bits)
        );
    }
}

#[test]
fn a_batch_of_tiny_products_runs_along_the_lanes() {
    let mut r = Random(0x8234_5678_9ABC_DEF1);
    for batch in [4, 16, 67, 200] {
        for (m, k, n) in [(4, 4, 4), (3, 5, 2), (1, 8, 1), (8, 0, 3), (2, 2, 9)] {
            let mut case = Case::<f32>::random(&mut r, 0, true);
            let mut fill = |len| (0..len).map(|_| r.number()).collect::<Vec<f32>>();
            let lanes = |cols: usize| View {
                row_stride: (cols * batch) as isize,
                col_stride: batch as isize,
                batch: SmallVec::from_slice(&[1]),
                ..View::default()
            };
            case.p = Product::new(m, k, n);
            case.p.batch = SmallVec::from_slice(&[batch]);
            (case.p.a, case.p.b, case.p.c) = (lanes(k), lanes(n), lanes(n));
            (case.a, case.b, case.c) = (fill(m * k * batch), fill(k * n * batch), fill(m * n * batch));
            (case.p.epilogue.bias, case.bias) = (Some(View::by_col()), fill(n));
            (case.p.epilogue.scale, case.scale) = (Some(lanes(n)), fill(m * n * batch));
            case.p.epilogue.relu = true;
            for limit in 0..3 {
                case.judge(&case.run(&mut Workspace::new(), 1, limit));
            }
        }
    }
}

#[test]
fn a_second_run_allocates_nothing() {
    let case = Case::<f64> { p: Product::new(150, 150, 150), ..Case::random(&mut Random(9), 0, true) };
    let case = Case { a: vec![1.0; 22500], b: vec![2.0; 22500], c: vec![0.0; 22500], ..case };
    let mut workspace = Workspace::new();
    case.run(&mut workspace, 2, 2);
    let held = workspace.bytes();
    assert!(held > 0);
    case.run(&mut workspace, 2, 2);
    assert_eq!(workspace.bytes(), held);
}

#[test]
fn what_does_not_fit_is_refused_with_a_sentence() {
    let run = |p: &Product<f64>, c: usize| {
        let mut c = vec![0.0; c];
        let on = &mut Operands { a: &[0.0; 6], b: &[0.0; 6], c: &mut c, ..Operands::default() };
        p.run(on, &mut Workspace::new(), 1).map_err(|misfit| misfit.to_string())
    };
    let p = Product::new(2, 3, 2);
    assert_eq!(run(&p, 4), Ok(()));
    assert_eq!(
        run(&p, 3).unwrap_err(),
        "`c` reaches from position 0 to 3, but its buffer holds 3 numbers: give a longer buffer, or correct offset \
         and strides"
    );
    let mut backwards = p.clone();
    backwards.a.row_stride = -3;
    assert!(run(&backwards, 4).unwrap_err().starts_with("`a` reaches from position -3 to 2"));
    let mut overlap = p.clone();
    overlap.c.row_stride = 0;
    assert!(run(&overlap, 4).unwrap_err().starts_with("entries of `c` share a place"));
    let mut lopsided = p.clone();
    lopsided.symmetric = true;
    assert!(run(&lopsided, 4).unwrap_err().starts_with("a symmetric product has A transposed as its B"));
    let mut empty = Product::new(2, 0, 2);
    (empty.a.row_stride, empty.b.col_stride) = (isize::MAX, isize::MIN);
    assert_eq!(run(&empty, 4), Ok(()), "factors without entries may have any strides");
    empty.batch = SmallVec::from_slice(&[usize::MAX, usize::MAX]);
    assert!(run(&empty, 4).unwrap_err().starts_with("entries of `c` share a place"));
    let mut missing = p;
    missing.epilogue.bias = Some(View::by_col());
    assert!(run(&missing, 4).unwrap_err().starts_with("`bias` reaches from position 0 to 1"));
}

#[test]
fn a_product_states_its_cost() {
    let mut p = Product::<f32>::new(4, 5, 6);
    p.batch = SmallVec::from_slice(&[3]);
    (p.a.batch, p.c.batch) = (SmallVec::from_slice(&[20]), SmallVec::from_slice(&[24]));
    assert_eq!(p.flops(), 2 * 4 * 5 * 6 * 3);
    assert_eq!(p.bytes(), 4 * (3 * 20 + 30 + 3 * 24), "B is shared by the batch");
    p.beta = 1.0;
    p.epilogue.bias = Some(View::by_col());
    assert_eq!(p.bytes(), 4 * (3 * 20 + 30 + 2 * 3 * 24 + 6), "C is read too, and the bias once");
    let mut square = Product::<f64>::new(4, 5, 4);
    square.symmetric = true;
    assert_eq!(square.flops(), 4 * 5 * 5);
}
