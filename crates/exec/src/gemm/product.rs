//! What a matrix product is: extents, strides, what happens before and after; no numbers yet.

use super::lanes::Real;
use smallvec::SmallVec;
use std::fmt;

/// Steps through the batch, one for each batch axis; axes that are left out are shared (stride 0).
pub type Strides = SmallVec<[isize; 2]>;

/// A matrix inside a buffer: entry `(i, j)` of batch element `t...` stands at
/// `offset + i·row_stride + j·col_stride + Σ t·batch`. Strides may be negative or zero.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Where entry `(0, 0)` stands.
    pub offset: usize,
    /// From one row to the next.
    pub row_stride: isize,
    /// From one column to the next.
    pub col_stride: isize,
    /// From one batch element to the next.
    pub batch: Strides,
}

impl View {
    /// Rows one after the other, `cols` numbers each.
    pub fn rows(cols: usize) -> View {
        View { row_stride: cols as isize, col_stride: 1, ..View::default() }
    }

    /// One number for each row, the same in all columns.
    pub fn by_row() -> View {
        View { row_stride: 1, ..View::default() }
    }

    /// One number for each column, the same in all rows.
    pub fn by_col() -> View {
        View { col_stride: 1, ..View::default() }
    }

    /// Rows and columns exchanged.
    pub fn transposed(&self) -> View {
        View { row_stride: self.col_stride, col_stride: self.row_stride, ..self.clone() }
    }
}

/// A vector inside a buffer: entry `i` of batch element `t...` stands at `offset + i·stride + Σ t·batch`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    /// Where entry 0 stands.
    pub offset: usize,
    /// From one entry to the next.
    pub stride: isize,
    /// From one batch element to the next.
    pub batch: Strides,
}

impl Line {
    /// Entries one after the other.
    pub fn unit() -> Line {
        Line { stride: 1, ..Line::default() }
    }
}

/// What happens to the factors on their way in. Masks are real numbers: zero is false, everything else is true.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prologue {
    /// `s[p]` of `Σ_p A[i,p] s[p] B[p,j]`.
    pub scale: Option<Line>,
    /// Terms `p` that take part. The others are absent: never a product with zero.
    pub active_k: Option<Line>,
    /// Rows of C that are computed. The others become `beta·C`, and the epilogue does not reach them.
    pub active_rows: Option<Line>,
    /// Columns of C that are computed. The others become `beta·C`, and the epilogue does not reach them.
    pub active_cols: Option<Line>,
    /// A −0 in A stands for a term that is absent, also where the other factor is infinite.
    pub absent_a: bool,
    /// The same of B.
    pub absent_b: bool,
}

/// What happens to an entry of C after its sum, in this order. A vector by row or by column is a [`View`] with a zero
/// stride.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Epilogue {
    /// Added.
    pub bias: Option<View>,
    /// Then `max(x, 0)`; NaN stays NaN.
    pub relu: bool,
    /// Then +0 wherever this is zero, whatever the entry was, and whatever the scale is.
    pub mask: Option<View>,
    /// Then multiplied, where not masked.
    pub scale: Option<View>,
}

impl Epilogue {
    /// Whether it does nothing.
    pub fn is_none(&self) -> bool {
        *self == Epilogue::default()
    }
}

/// `C[i,j] = epilogue(alpha · Σ_p A[i,p] B[p,j] + beta · C[i,j])` for every batch element.
///
/// With `beta` zero C is not read. With `k` zero the sum is +0.
#[derive(Clone, PartialEq, Debug)]
pub struct Product<T> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B: the terms of a sum.
    pub k: usize,
    /// Extents of the batch axes, outermost first.
    pub batch: SmallVec<[usize; 2]>,
    /// `A[m,k]`.
    pub a: View,
    /// `B[k,n]`.
    pub b: View,
    /// `C[m,n]`; its entries are distinct.
    pub c: View,
    /// Factor of the product.
    pub alpha: T,
    /// Factor of the old C.
    pub beta: T,
    /// B is A transposed, so the sums are symmetric: one triangle is computed and mirrored, then comes the epilogue.
    /// The old C is symmetric too if `beta` is not zero, and `active_cols` equals `active_rows`.
    pub symmetric: bool,
    /// Before.
    pub prologue: Prologue,
    /// After.
    pub epilogue: Epilogue,
}

/// Where the numbers of a [`Product`] are. What the product does not mention stays empty.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Operands<'a, T> {
    pub a: &'a [T],
    pub b: &'a [T],
    pub c: &'a mut [T],
    pub k_scale: &'a [T],
    pub active_k: &'a [T],
    pub active_rows: &'a [T],
    pub active_cols: &'a [T],
    pub bias: &'a [T],
    pub mask: &'a [T],
    pub scale: &'a [T],
}

/// Why a product cannot be run on these buffers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// An operand's view leaves its buffer.
    Outside {
        /// Which operand.
        operand: &'static str,
        /// The least position that is reached.
        first: i128,
        /// The greatest position that is reached.
        last: i128,
        /// Numbers in the buffer.
        len: usize,
    },
    /// Two entries of C stand, or may stand, at one place.
    Overlap,
    /// A symmetric product whose parts are not.
    Asymmetric(&'static str),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Outside { operand, first, last, len } => write!(
                f,
                "`{operand}` reaches from position {first} to {last}, but its buffer holds {len} numbers: give a \
                 longer buffer, or correct offset and strides"
            ),
            Misfit::Overlap => write!(
                f,
                "entries of `c` share a place: give every axis of more than one entry a stride beyond the reach of \
                 the axes inside it"
            ),
            Misfit::Asymmetric(what) => {
                write!(f, "a symmetric product has {what}: make it so, or compute both triangles")
            }
        }
    }
}

impl std::error::Error for Misfit {}

impl<T: Real> Product<T> {
    /// `C[m,n] = A[m,k] B[k,n]`, all three stored row by row.
    pub fn new(m: usize, k: usize, n: usize) -> Product<T> {
        Product {
            m,
            n,
            k,
            batch: SmallVec::new(),
            a: View::rows(k),
            b: View::rows(n),
            c: View::rows(n),
            alpha: T::ONE,
            beta: T::ZERO,
            symmetric: false,
            prologue: Prologue::default(),
            epilogue: Epilogue::default(),
        }
    }

    /// Elements of the batch; 1 without batch axes.
    pub fn batches(&self) -> usize {
        self.batch.iter().fold(1, |all, &extent| all.saturating_mul(extent))
    }

    /// Multiplications and additions of the sums when everything is active: `2·m·n·k` for each batch element, for
    /// symmetric products `m·(m+1)·k`.
    pub fn flops(&self) -> u64 {
        let (m, n, k) = (self.m as u64, self.n as u64, self.k as u64);
        let one = if self.symmetric { m.saturating_mul(m.saturating_add(1)) } else { m.saturating_mul(n) };
        one.saturating_mul(if self.symmetric { 1 } else { 2 })
            .saturating_mul(k)
            .saturating_mul(self.batches() as u64)
    }

    /// Bytes that must be moved if every number is touched once: what is read, and C written.
    pub fn bytes(&self) -> u64 {
        let matrix = |view: &View, rows: usize, cols: usize| {
            self.distinct(&[(rows, view.row_stride), (cols, view.col_stride)], &view.batch)
        };
        let line = |line: &Option<Line>, n: usize| {
            line.as_ref().map_or(0, |line| self.distinct(&[(n, line.stride)], &line.batch))
        };
        let side = |view: &Option<View>| view.as_ref().map_or(0, |view| matrix(view, self.m, self.n));
        let c = matrix(&self.c, self.m, self.n) * if self.beta == T::ZERO { 1 } else { 2 };
        let b = if self.symmetric { 0 } else { matrix(&self.b, self.k, self.n) };
        let (before, after) = (&self.prologue, &self.epilogue);
        let prologue = line(&before.scale, self.k)
            + line(&before.active_k, self.k)
            + line(&before.active_rows, self.m)
            + line(&before.active_cols, self.n);
        let epilogue = side(&after.bias) + side(&after.mask) + side(&after.scale);
        (matrix(&self.a, self.m, self.k) + b + c + prologue + epilogue) * T::BYTES as u64
    }

    /// Entries at different places: an axis of stride zero counts once.
    fn distinct(&self, axes: &[(usize, isize)], batch: &Strides) -> u64 {
        let own =
            axes.iter().map(|&(extent, stride)| if stride == 0 { extent.min(1) } else { extent } as u64);
        let shared = self.batch.iter().enumerate().map(|(t, &extent)| match batch.get(t) {
            Some(&stride) if stride != 0 => extent as u64,
            _ => extent.min(1) as u64,
        });
        own.chain(shared).fold(1, u64::saturating_mul)
    }

    /// Whether there is no entry of C at all.
    pub(super) fn is_empty(&self) -> bool {
        self.m == 0 || self.n == 0 || self.batches() == 0
    }

    /// Checks everything that the kernels rely on.
    pub(super) fn check(&self, on: &Operands<'_, T>) -> Result<(), Misfit> {
        if self.symmetric {
            self.check_symmetric()?;
        }
        if self.is_empty() {
            return Ok(());
        }
        let inside = |operand, offset: usize, axes: &[(usize, isize)], batch: &Strides, len: usize| {
            let (mut first, mut last) = (offset as i128, offset as i128);
            let batch = self.batch.iter().copied().zip(batch.iter().copied());
            for (extent, stride) in axes.iter().copied().chain(batch) {
                let Some(steps) = extent.checked_sub(1) else { return Ok(()) };
                let reach = steps as i128 * stride as i128;
                first += reach.min(0);
                last += reach.max(0);
            }
            let fits = 0 <= first && last < len as i128;
            if fits { Ok(()) } else { Err(Misfit::Outside { operand, first, last, len }) }
        };
        let matrix = |name, view: &View, rows, cols, len| {
            inside(name, view.offset, &[(rows, view.row_stride), (cols, view.col_stride)], &view.batch, len)
        };
        let line = |name, line: &Option<Line>, n, data: &[T]| {
            line.as_ref().map_or(Ok(()), |l| inside(name, l.offset, &[(n, l.stride)], &l.batch, data.len()))
        };
        let side = |name, view: &Option<View>, data: &[T]| {
            view.as_ref().map_or(Ok(()), |view| matrix(name, view, self.m, self.n, data.len()))
        };
        matrix("a", &self.a, self.m, self.k, on.a.len())?;
        matrix("b", &self.b, self.k, self.n, on.b.len())?;
        matrix("c", &self.c, self.m, self.n, on.c.len())?;
        line("k_scale", &self.prologue.scale, self.k, on.k_scale)?;
        line("active_k", &self.prologue.active_k, self.k, on.active_k)?;
        line("active_rows", &self.prologue.active_rows, self.m, on.active_rows)?;
        line("active_cols", &self.prologue.active_cols, self.n, on.active_cols)?;
        side("bias", &self.epilogue.bias, on.bias)?;
        side("mask", &self.epilogue.mask, on.mask)?;
        side("scale", &self.epilogue.scale, on.scale)?;
        self.check_distinct()
    }

    /// Axes from the smallest step outwards: each steps over all that lies inside.
    fn check_distinct(&self) -> Result<(), Misfit> {
        let batch =
            self.batch.iter().enumerate().map(|(t, &e)| (e, self.c.batch.get(t).copied().unwrap_or(0)));
        let mut axes: SmallVec<[(usize, usize); 6]> =
            [(self.m, self.c.row_stride), (self.n, self.c.col_stride)]
                .into_iter()
                .chain(batch)
                .filter(|&(extent, _)| extent > 1)
                .map(|(extent, stride)| (stride.unsigned_abs(), extent))
                .collect();
        axes.sort_unstable();
        let mut reach = 0;
        for (stride, extent) in axes {
            if stride <= reach {
                return Err(Misfit::Overlap);
            }
            reach += stride * (extent - 1);
        }
        Ok(())
    }

    fn check_symmetric(&self) -> Result<(), Misfit> {
        if self.m != self.n {
            return Err(Misfit::Asymmetric("as many rows as columns"));
        }
        if self.b != self.a.transposed() {
            return Err(Misfit::Asymmetric("A transposed as its B"));
        }
        if self.prologue.active_rows != self.prologue.active_cols {
            return Err(Misfit::Asymmetric("the same active rows and columns"));
        }
        Ok(())
    }
}
