//! Sparse matrices of derivatives in numbers: only the entries of a pattern, in the order of its rows.
//!
//! Of code that is written with tensors the pattern is given. Columns that never meet are summed into one direction
//! ([`Colouring`]), all directions go through one plan, and each entry is read off where it stands alone: a band of
//! three diagonals takes three directions, whatever its length. A Jacobian is compressed by columns (JVP) or by rows
//! (VJP), whichever takes fewer; a Hessian by star colours of the gradient's Jacobian.
//!
//! Of scalar code the entries are formulas already ([`SparseNodes`]), and the plan computes these.
//!
//! ```
//! use chainrule_core::{Graph, derive::pattern::Pattern, shape::Type};
//! use chainrule_exec::{Options, SparsePlan, Value};
//! let mut g = Graph::new();
//! let x = g.input("x", Type::real([4]))?;
//! let y = g.form("y[i=0..2] = x[i] * x[i+1]", &[])?;
//! let pattern = Pattern::new(4, (0..3).map(|i| [i, i + 1]))?;
//! let mut plan = SparsePlan::<f64>::jacobian(&g, y, x, &pattern, &Options::default())?;
//! let mut values = [0.0; 6];
//! plan.run(&[Value::Real(&[1.0, 2.0, 3.0, 4.0])], &mut values)?;
//! assert_eq!((plan.directions(), values), (2, [2.0, 1.0, 3.0, 2.0, 4.0, 3.0]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::array::Input;
use crate::array::lower::extent;
use crate::error::{Error, Result};
use crate::lane::Number;
use crate::plan::{Options, Plan, Value};
use chainrule_core::derive::colouring::Colouring;
use chainrule_core::derive::pattern::Pattern;
use chainrule_core::derive::sparse::SparseNodes;
use chainrule_core::graph::op::Literal;
use chainrule_core::shape::Dim;
use chainrule_core::{Graph, NodeId};

/// A plan for the entries of a sparse matrix.
pub struct SparsePlan<T> {
    plan: Plan<T>,
    pattern: Pattern,
    directions: usize,
    gathered: Option<Gathered<T>>,
}

/// Products with all directions, and where in them each entry stands.
struct Gathered<T> {
    products: Vec<T>,
    from: Vec<usize>,
}

impl<T: Number> SparsePlan<T> {
    /// The Jacobian of a vector by a vector, zero outside the pattern.
    ///
    /// That it is zero there is not tested: an entry that the pattern forgets is added to others.
    ///
    /// # Errors
    /// [`Error::Value`] for operands that are no vectors and for a pattern of another size; as [`Plan::compile`] and
    /// [`Graph::jvp`].
    pub fn jacobian(
        graph: &Graph,
        y: NodeId,
        x: NodeId,
        pattern: &Pattern,
        options: &Options,
    ) -> Result<SparsePlan<T>> {
        let mut graph = graph.clone();
        let rows = length(&graph, "the output", y, options)?;
        let columns = length(&graph, "the variable", x, options)?;
        expect_size(pattern, rows, columns)?;
        let by_columns = Colouring::columns(pattern);
        let by_rows = Colouring::columns(&pattern.transposed());
        let position = |colours: &[u32], wide: usize, colour_of: usize, at: usize| {
            colours[colour_of] as usize * wide + at
        };
        if by_rows.count < by_columns.count {
            let seeds = seeds(&mut graph, &by_rows, y)?;
            let products = graph.vjp_batch(y, x, seeds)?;
            let from = pattern.positions().map(|(i, j)| position(&by_rows.colours, columns, i, j)).collect();
            return SparsePlan::compressed(&graph, products, pattern, by_rows.count, from, options);
        }
        let seeds = seeds(&mut graph, &by_columns, x)?;
        let products = graph.jvp_batch(y, x, seeds)?;
        let from = pattern.positions().map(|(i, j)| position(&by_columns.colours, rows, j, i)).collect();
        SparsePlan::compressed(&graph, products, pattern, by_columns.count, from, options)
    }

    /// The Hessian of a number by a vector, zero outside the pattern and its mirror image.
    ///
    /// Entries come in the order of the pattern as it is given: a triangle, or the full matrix.
    ///
    /// # Errors
    /// As [`SparsePlan::jacobian`] and [`Graph::gradient`].
    pub fn hessian(
        graph: &Graph,
        y: NodeId,
        x: NodeId,
        pattern: &Pattern,
        options: &Options,
    ) -> Result<SparsePlan<T>> {
        let mut graph = graph.clone();
        let n = length(&graph, "the variable", x, options)?;
        expect_size(pattern, n, n)?;
        let gradient = graph.gradient(y, &[x])?[0];
        let whole = pattern.mirrored()?;
        let colouring = Colouring::symmetric(&whole);
        let seeds = seeds(&mut graph, &colouring, x)?;
        let products = graph.jvp_batch(gradient, x, seeds)?;
        let colour = |j: usize| colouring.colours[j];
        // The number of entries that were added in row i to that of column j.
        let alone = |i: usize, j: usize| {
            whole.row(i).iter().filter(|&&k| colour(k as usize) == colour(j)).count() == 1
        };
        let from = pattern.positions().map(|(i, j)| match alone(i, j) {
            true => colour(j) as usize * n + i,
            false => colour(i) as usize * n + j,
        });
        let from = from.collect();
        SparsePlan::compressed(&graph, products, pattern, colouring.count, from, options)
    }

    /// Entries that are formulas: sparse derivatives of scalar code.
    ///
    /// # Errors
    /// As [`Plan::compile`]; [`Error::Value`] for entries that are no numbers.
    pub fn entries(graph: &Graph, entries: &SparseNodes, options: &Options) -> Result<SparsePlan<T>> {
        if let Some(&node) = entries.nodes.iter().find(|n| !graph.contains(**n) || graph.rank(**n) > 0) {
            let found = if graph.contains(node) { graph.ty(node).to_string() } else { "no node".into() };
            return Err(Error::Value { name: "an entry".into(), expected: "one number".into(), found });
        }
        let plan = Plan::compile(graph, &entries.nodes, options)?;
        Ok(SparsePlan { plan, pattern: entries.pattern.clone(), directions: 0, gathered: None })
    }

    fn compressed(
        graph: &Graph,
        products: NodeId,
        pattern: &Pattern,
        directions: usize,
        from: Vec<usize>,
        options: &Options,
    ) -> Result<SparsePlan<T>> {
        let plan = Plan::compile(graph, &[products], options)?;
        let products = vec![T::default(); plan.output_shape(0).iter().product()];
        let gathered = Some(Gathered { products, from });
        Ok(SparsePlan { plan, pattern: pattern.clone(), directions, gathered })
    }

    /// The inputs, in the order in which a run is given them.
    pub fn inputs(&self) -> &[Input] {
        self.plan.inputs()
    }

    /// Where the entries stand.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Directions that a run takes the derivative in; none where the entries are formulas.
    pub fn directions(&self) -> usize {
        self.directions
    }

    /// Computes the entries, in the order of the pattern's rows.
    ///
    /// # Errors
    /// As [`Plan::run`]; [`Error::Value`] unless there is room for every entry, and no more.
    pub fn run(&mut self, inputs: &[Value<'_, T>], values: &mut [T]) -> Result<()> {
        if values.len() != self.pattern.len() {
            let expected = format!("room for {} entries", self.pattern.len());
            return Err(Error::Value {
                name: "the values".into(),
                expected,
                found: format!("room for {}", values.len()),
            });
        }
        let Some(gathered) = &mut self.gathered else {
            let mut outputs: Vec<&mut [T]> = values.chunks_mut(1).collect();
            return self.plan.run(inputs, &mut outputs);
        };
        self.plan.run(inputs, &mut [&mut gathered.products])?;
        for (value, &from) in values.iter_mut().zip(&gathered.from) {
            *value = gathered.products[from];
        }
        Ok(())
    }
}

/// Entries of a vector.
fn length(graph: &Graph, name: &str, node: NodeId, options: &Options) -> Result<usize> {
    if !graph.contains(node) {
        return Err(chainrule_core::Error::OtherGraph.into());
    }
    match graph.shape(node) {
        [n] => extent(n, &options.sizes),
        _ => {
            let found = graph.ty(node).to_string();
            Err(Error::Value { name: name.into(), expected: "a vector; reshape it into one".into(), found })
        }
    }
}

fn expect_size(pattern: &Pattern, rows: usize, columns: usize) -> Result<()> {
    if (pattern.rows(), pattern.columns()) == (rows, columns) {
        return Ok(());
    }
    Err(Error::Value {
        name: "the pattern".into(),
        expected: format!("{rows} rows and {columns} columns"),
        found: format!("{} rows and {} columns", pattern.rows(), pattern.columns()),
    })
}

/// One direction for each colour: 1 in its columns. Its axes are those of the vector, behind one for the colours.
fn seeds(graph: &mut Graph, colouring: &Colouring, vector: NodeId) -> Result<NodeId> {
    let n = colouring.colours.len();
    let mut entries = vec![0.0; colouring.count * n];
    for (j, &colour) in colouring.colours.iter().enumerate() {
        entries[colour as usize * n + j] = 1.0;
    }
    let literal = graph.literal(Literal::real(&[colouring.count, n], entries)?);
    let extent = graph.shape(vector)[0].clone();
    if extent.as_fixed().is_some() {
        return Ok(literal);
    }
    // A named size: its number is the length of the literal, so the slice is all of it.
    Ok(graph.slice(literal, 1, &Dim::ZERO, 1, &extent)?)
}
