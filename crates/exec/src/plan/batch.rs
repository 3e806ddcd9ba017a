//! Plans over a batch: the same program on every entry of a new first axis, as one plan.

use super::{Options, Plan};
use crate::error::{Error, Result};
use crate::lane::Number;
use chainrule_core::shape::{DType, Dim, Type};
use chainrule_core::{Graph, NodeId};

impl<T: Number> Plan<T> {
    /// The outputs for `extent` values of some inputs at once: each of `inputs` gets a first axis of `extent` entries, and
    /// so does every output, `y[b, …] = f(x[b], w)[…]`.
    ///
    /// The other inputs are the same for the whole batch, and what depends on them alone is computed once. Nothing is
    /// looped over entries: a matrix times a vector becomes a product of matrices. Rows agree with the plan of one entry
    /// up to rounding, not to the bit, because a product of matrices adds in another order than one with a vector.
    /// No entry (`extent` 0) is a batch too.
    ///
    /// # Errors
    /// [`Error::Argument`] for a node that is no input, an input named twice, and labels without a bound that would have
    /// to be repeated; else as [`Plan::compile`].
    ///
    /// ```
    /// use chainrule_core::{Graph, shape::Type};
    /// use chainrule_exec::{Options, Plan, Value};
    /// let mut g = Graph::new();
    /// let (w, x) = (g.input("W", Type::real([2, 3]))?, g.input("x", Type::real([3]))?);
    /// let y = g.dot(w, x)?;
    /// let mut plan = Plan::<f64>::batched(&g, &[y], &[x], 2, &Options::default())?;
    /// assert_eq!(plan.inputs()[1].shape, [2, 3]); // x[b, i]
    /// let mut rows = [0.0; 4]; // y[b, j]
    /// let inputs = [&[1.0, 0.0, 0.0, 0.0, 1.0, 1.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]];
    /// plan.run(&inputs.map(|v| Value::Real(v)), &mut [&mut rows])?;
    /// assert_eq!(rows, [1.0, 5.0, 4.0, 11.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batched(
        graph: &Graph,
        outputs: &[NodeId],
        inputs: &[NodeId],
        extent: usize,
        options: &Options,
    ) -> Result<Plan<T>> {
        if !outputs.iter().all(|&n| graph.contains(n)) {
            return Err(chainrule_core::Error::OtherGraph.into());
        }
        for (k, &node) in inputs.iter().enumerate() {
            let name = input_name(graph, node, "an input, which gets an axis of the batch")?;
            if inputs[..k].contains(&node) {
                return Err(Error::Argument {
                    name,
                    expected: "each input of the batch once".into(),
                    found: "it named twice".into(),
                });
            }
        }
        // A size of its own, so that an extent of 0 is an extent like others and no node is made simpler for it.
        let mut size = "entries of the batch".to_string();
        while options.sizes.contains_key(size.as_str()) {
            size.push('\'');
        }
        let axis = Dim::size(&size);
        let count = i64::try_from(extent).map_err(|_| Error::TooLarge {
            bytes: extent as u128 * size_of::<T>() as u128,
            limit: options.limit,
        })?;
        let mut sizes = options.sizes.clone();
        sizes.insert(size.as_str().into(), count);
        let (whole, outputs) =
            batch(graph, outputs, inputs, &axis).map_err(|e| repeated(graph, outputs, inputs, e))?;
        Plan::compile(&whole, &outputs, &Options { sizes, ..options.clone() })
    }
}

/// The name of an input; refused if the node is none.
pub(super) fn input_name(graph: &Graph, node: NodeId, expected: &str) -> Result<String> {
    let refuse = |name: String, found: &str| {
        Err(Error::Argument { name, expected: expected.to_string(), found: found.to_string() })
    };
    if !graph.contains(node) {
        return refuse(format!("node {}", node.index()), "no node of this graph");
    }
    match graph.as_input(node) {
        Some(input) => Ok(input.name.to_string()),
        None => {
            let names = graph.names();
            let name = names.into_iter().find(|(_, n)| *n == node).map(|(name, _)| name.to_string());
            refuse(
                name.unwrap_or_else(|| format!("node {}", node.index())),
                "a node that is computed; declare an input in its place",
            )
        }
    }
}

/// A graph whose inputs stand in their order, those of the batch with one more axis.
fn batch(
    graph: &Graph,
    outputs: &[NodeId],
    inputs: &[NodeId],
    axis: &Dim,
) -> chainrule_core::Result<(Graph, Vec<NodeId>)> {
    let mut whole = Graph::new();
    let mut declared = Vec::with_capacity(inputs.len());
    for node in graph.reachable(outputs) {
        let Some(input) = graph.as_input(node).filter(|i| i.copy == 0) else { continue };
        if inputs.contains(&node) {
            let mut ty: Type = input.ty.clone();
            ty.shape.insert(0, axis.clone());
            // Facts are about one entry: a batch of symmetric matrices is no symmetric matrix.
            declared.push((node, whole.input(&input.name, ty)?));
        } else {
            whole.input_with(&input.name, input.ty.clone(), input.facts)?;
        }
    }
    let mut known = Vec::with_capacity(declared.len());
    let mut replaced = Vec::with_capacity(declared.len());
    for &(node, all) in &declared {
        let input = graph.as_input(node).expect("invariant: an input");
        let mut name = format!("{} of one entry", input.name);
        while whole.find_input(&name).is_some() || graph.find_input(&name).is_some() {
            name.push('\'');
        }
        let one = whole.input(&name, input.ty.clone())?;
        known.push((node, one));
        replaced.push((one, all));
    }
    let ends = whole.import(graph, outputs, &known)?;
    let ends = whole.batch(&ends, &replaced, axis)?;
    Ok((whole, ends))
}

/// The refusal to repeat labels, told with the name of the input that they come from.
fn repeated(graph: &Graph, outputs: &[NodeId], inputs: &[NodeId], error: chainrule_core::Error) -> Error {
    if matches!(error, chainrule_core::Error::Entries { operation: "batch", .. }) {
        for node in graph.reachable(outputs) {
            let Some(input) = graph.as_input(node).filter(|_| !inputs.contains(&node)) else { continue };
            if input.ty.dtype == DType::Int && input.ty.below.is_none() {
                return Error::Argument {
                    name: input.name.to_string(),
                    expected: "labels with a bound, which can be repeated along the batch".into(),
                    found: format!("{}; name it among the inputs of the batch too", input.ty),
                };
            }
        }
    }
    error.into()
}
