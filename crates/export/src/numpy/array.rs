//! A piece of NumPy text with the axes that its value has.
//!
//! Axes are numbers, of a node or labels of a product. Text may lack axes along which the value is constant: NumPy
//! broadcasts, so `1 - y` needs no array of ones. [`aligned`] inserts the axes that broadcasting cannot guess.

/// Binding strength of Python's operators, weakest first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    /// `a > b`
    Compare,
    /// `a | b`
    Or,
    /// `a & b`
    And,
    /// `a + b`
    Add,
    /// `A @ b`; binds as `*` does, but a reader should not have to know.
    Matmul,
    /// `a * b`
    Mul,
    /// `-a`, `~p`
    Unary,
    /// `a ** b`
    Power,
    /// Names, calls, subscripts, numbers.
    Atom,
}

/// Text, its binding strength, and its axes in order.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) text: String,
    pub(super) level: Level,
    pub(super) axes: Vec<usize>,
    /// A new array, which may be written into: not a name, not a view.
    pub(super) fresh: bool,
}

impl Array {
    pub(super) fn new(text: impl Into<String>, level: Level, axes: impl Into<Vec<usize>>) -> Array {
        Array { text: text.into(), level, axes: axes.into(), fresh: level != Level::Atom }
    }

    /// A call that makes a new array.
    pub(super) fn call(text: impl Into<String>, axes: impl Into<Vec<usize>>) -> Array {
        Array { fresh: true, ..Array::new(text, Level::Atom, axes) }
    }

    /// A name, a number, or a view of something else.
    pub(super) fn atom(text: impl Into<String>, axes: impl Into<Vec<usize>>) -> Array {
        Array::new(text, Level::Atom, axes)
    }

    /// The text where an operand must bind at least this strongly.
    pub(super) fn at(&self, level: Level) -> String {
        if self.level >= level { self.text.clone() } else { format!("({})", self.text) }
    }

    /// True for a name, which may be repeated.
    pub(super) fn is_name(&self) -> bool {
        is_word(&self.text)
    }

    /// True for a number as text: `2`, `0.5`.
    pub(super) fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit()) && self.level == Level::Atom
    }

    /// The same value with axes in ascending order.
    pub(super) fn sorted(&self) -> Array {
        let mut axes = self.axes.clone();
        axes.sort_unstable();
        self.permuted(&axes)
    }

    /// The same value with its axes in the given order.
    pub(super) fn permuted(&self, axes: &[usize]) -> Array {
        if axes == self.axes {
            return self.clone();
        }
        let base = self.at(Level::Atom);
        if axes.len() == 2 {
            // The transpose of a transpose is what stood there.
            let text = match base.strip_suffix(".T") {
                Some(inner) => inner.to_string(),
                None => format!("{base}.T"),
            };
            return Array::atom(text, axes);
        }
        let places: Vec<String> = axes
            .iter()
            .map(|a| self.axes.iter().position(|b| a == b).expect("invariant: a permutation").to_string())
            .collect();
        Array::atom(format!("{base}.transpose({})", places.join(", ")), axes)
    }
}

/// True for a single identifier or number without operators.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Axes of several arrays together, ascending.
pub(super) fn union<'a>(arrays: impl IntoIterator<Item = &'a Array>) -> Vec<usize> {
    let mut axes: Vec<usize> = arrays.into_iter().flat_map(|a| a.axes.iter().copied()).collect();
    axes.sort_unstable();
    axes.dedup();
    axes
}

/// The array with the axes that it lacks inserted, so that it broadcasts to `axes` (ascending).
pub(super) fn aligned(array: &Array, axes: &[usize]) -> Array {
    let array = array.sorted();
    let Some(first) = axes.iter().position(|a| array.axes.contains(a)) else { return array };
    let marks: Vec<&str> =
        axes[first..].iter().map(|a| if array.axes.contains(a) { ":" } else { "None" }).collect();
    if !marks.contains(&"None") {
        return array;
    }
    // The sum of `x[i]` over nothing else: a trailing run of None is what broadcasting cannot guess.
    let text = format!("{}[{}]", array.at(Level::Atom), marks.join(", "));
    Array { axes: array.axes, ..Array::atom(text, []) }
}
