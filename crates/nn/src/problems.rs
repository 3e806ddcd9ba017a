//! Part 1 of the homework (COMPSCI 371, homework 8): Problems 1.1 to 1.4 as programs with symbolic sizes.
//!
//! A problem is a graph, the nodes that the hand-out defines, the derivatives it asks for (derived from primitive
//! rules, never written down here) and the numbers of its worked example.
//!
//! ```
//! let problems = chainrule_nn::problems::all()?;
//! assert_eq!(problems.len(), 4);
//! assert_eq!(problems[1].questions[0].label, "dp[i]/dx[j]");
//! # Ok::<(), chainrule_core::Error>(())
//! ```

use chainrule_core::eval::Bindings;
use chainrule_core::ops::map::{EXP, LOG, RELU};
use chainrule_core::rational::Rational;
use chainrule_core::shape::Type;
use chainrule_core::tensor::Tensor;
use chainrule_core::{Graph, NodeId, Result};

/// A derivative that a problem asks for.
pub struct Question {
    /// As the hand-out writes it: `dl_q/dz[i]`.
    pub label: &'static str,
    /// The homework's nickname, such as `g_z`, or empty.
    pub nickname: &'static str,
    /// The derived node.
    pub node: NodeId,
    /// Nodes that print by name in this answer.
    pub names: Vec<(NodeId, &'static str)>,
    /// What the student should notice, or empty.
    pub note: &'static str,
}

/// One problem of part 1.
pub struct Problem {
    /// Number in the hand-out.
    pub number: &'static str,
    /// Title.
    pub title: &'static str,
    /// The program.
    pub graph: Graph,
    /// Names and nodes that the hand-out defines.
    pub definitions: Vec<(&'static str, NodeId)>,
    /// Derivatives, in the order of the hand-out.
    pub questions: Vec<Question>,
    /// The worked example.
    pub case: Bindings<f64>,
    /// Names of the inputs of the worked example, as the hand-out lists them.
    pub given: Vec<&'static str>,
}

fn vector(entries: &[f64]) -> Tensor<f64> {
    Tensor::vector(entries.to_vec())
}

fn matrix(rows: usize, entries: &[f64]) -> Tensor<f64> {
    Tensor::new(&[rows, entries.len() / rows], entries.to_vec()).expect("invariant: whole rows")
}

fn question(label: &'static str, node: NodeId) -> Question {
    Question { label, nickname: "", node, names: Vec::new(), note: "" }
}

/// Problems 1.1 to 1.4, in order.
///
/// # Errors
/// None for the programs as they stand; the constructors' errors are passed on.
pub fn all() -> Result<Vec<Problem>> {
    Ok(vec![losses()?, relu()?, affine()?, back_propagation()?])
}

/// `1/2 Σ_i (z_i - t_i)²`
fn quadratic(g: &mut Graph, z: NodeId, t: NodeId) -> Result<NodeId> {
    let difference = g.sub(z, t)?;
    let square = g.power(difference, 2);
    let total = g.sum_all(square)?;
    Ok(g.scale(&Rational::new(1, 2), total))
}

/// `V x + b`
fn affine_of(g: &mut Graph, v: NodeId, x: NodeId, b: NodeId) -> Result<NodeId> {
    let product = g.dot(v, x)?;
    g.add(product, b)
}

/// Problem 1.1: both losses, their gradients, and their second derivatives.
fn losses() -> Result<Problem> {
    let mut g = Graph::new();
    let z = g.input("z", Type::real(["n"]))?;
    let t = g.input("t", Type::real(["n"]))?;
    let y = g.input("y", Type::index("n", [] as [&str; 0]))?;
    let l_q = quadratic(&mut g, z, t)?;
    let e = g.map(&EXP, &[z])?;
    let total = g.sum_all(e)?;
    let log = g.map(&LOG, &[total])?;
    let score = g.gather(z, y)?;
    let l_h = g.sub(log, score)?;
    let questions = vec![
        question("dl_q/dz[i]", g.gradient(l_q, &[z])?[0]),
        Question {
            note: "softmax minus the one-hot label: \"hinge\" here is softmax cross-entropy",
            ..question("dl_h/dz[i]", g.gradient(l_h, &[z])?[0])
        },
        question("d2l_q/dz[i]dz[j]", g.hessian(l_q, z)?),
        question("d2l_h/dz[i]dz[j]", g.hessian(l_h, z)?),
    ];
    let case = Bindings::new()
        .with("z", vector(&[-1.0, 0.0, 3.0]))
        .with("t", vector(&[0.0, 0.0, 0.0]))
        .with_labels("y", Tensor::scalar(1));
    Ok(Problem {
        number: "1.1",
        title: "Losses",
        graph: g,
        definitions: vec![("l_q", l_q), ("l_h", l_h)],
        questions,
        case,
        given: vec!["y", "z"],
    })
}

/// The worked numbers of the quadratic loss in Problem 1.1: `t = (-2, 1)`, `z = (4, 1)`.
pub fn quadratic_case() -> Bindings<f64> {
    Bindings::new()
        .with("z", vector(&[4.0, 1.0]))
        .with("t", vector(&[-2.0, 1.0]))
        .with_labels("y", Tensor::scalar(0))
}

/// The formula that the hand-out prints for `dl_h/dz_i`, with the log that does not belong there.
///
/// # Errors
/// None for the graph of Problem 1.1.
pub fn misprinted_gradient(problem: &Problem) -> Result<(Graph, NodeId)> {
    let mut g = problem.graph.clone();
    let z = g.input("z", Type::real(["n"]))?;
    let y = g.input("y", Type::index("n", [] as [&str; 0]))?;
    let e = g.map(&EXP, &[z])?;
    let total = g.sum_all(e)?;
    let log = g.map(&LOG, &[total])?;
    let quotient = g.divide(e, log)?;
    let extent = g.shape(z)[0].clone();
    let onehot = g.one_hot(y, &extent)?;
    let wrong = g.sub(quotient, onehot)?;
    Ok((g, wrong))
}

/// Problem 1.2: the Jacobian of ReLU.
fn relu() -> Result<Problem> {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"]))?;
    let p = g.map(&RELU, &[x])?;
    let jacobian = Question {
        note: "at x[i] = 0 there is no derivative; the convention relu'(0) = 0 is used",
        ..question("dp[i]/dx[j]", g.jacobian(p, x)?)
    };
    Ok(Problem {
        number: "1.2",
        title: "ReLU",
        graph: g,
        definitions: vec![("p", p)],
        questions: vec![jacobian],
        case: Bindings::new().with("x", vector(&[-2.0, 1.0, 3.0])),
        given: vec!["x"],
    })
}

/// Problem 1.3: the Jacobians of the affine layer.
fn affine() -> Result<Problem> {
    let mut g = Graph::new();
    let v = g.input("V", Type::real(["m", "n"]))?;
    let x = g.input("x", Type::real(["n"]))?;
    let b = g.input("b", Type::real(["m"]))?;
    let y = affine_of(&mut g, v, x, b)?;
    let questions = vec![
        question("dy[i]/dx[j]", g.jacobian(y, x)?),
        question("dy[i]/dV[j,k]", g.jacobian(y, v)?),
        question("dy[i]/db[j]", g.jacobian(y, b)?),
    ];
    let case = Bindings::new()
        .with("V", matrix(3, &[3.0, 0.0, -1.0, 4.0, 2.0, 5.0]))
        .with("x", vector(&[-2.0, 1.0]))
        .with("b", vector(&[3.0, -2.0, 1.0]));
    Ok(Problem {
        number: "1.3",
        title: "Affine layer",
        graph: g,
        definitions: vec![("y", y)],
        questions,
        case,
        given: vec!["V", "x", "b"],
    })
}

/// Problem 1.4: the chain of the two-layer network, first step by step, then at once.
///
/// In a step `g_b = g_a · J` the upstream gradient is an input of its own, so each line shows one local Jacobian at
/// work; the last lines differentiate the whole program. Problem 1.5 puts the numbers of network 0 into it.
fn back_propagation() -> Result<Problem> {
    let mut g = Graph::new();
    let inputs = [
        ("V1", Type::real(["h", "d"])),
        ("b1", Type::real(["h"])),
        ("V2", Type::real(["k", "h"])),
        ("b2", Type::real(["k"])),
        ("x", Type::real(["d"])),
        ("t", Type::real(["k"])),
    ];
    let mut nodes = Vec::new();
    for (name, ty) in inputs {
        nodes.push(g.input(name, ty)?);
    }
    let [v1, b1, v2, b2, x, t] = nodes[..] else { unreachable!("invariant: six inputs") };
    let p = affine_of(&mut g, v1, x, b1)?;
    let q = g.map(&RELU, &[p])?;
    let z = affine_of(&mut g, v2, q, b2)?;
    let lambda = quadratic(&mut g, z, t)?;
    let names = vec![(p, "p"), (q, "q"), (z, "z")];
    let mut questions = vec![Question {
        nickname: "g_z",
        names: names.clone(),
        ..question("dlambda/dz[i]", g.gradient(lambda, &[z])?[0])
    }];
    let steps: [(&str, &str, &str, NodeId, NodeId, &str); 7] = [
        ("g_V2", "g_z . J_V2", "g_z", z, v2, "k"),
        ("g_b2", "g_z . J_b2", "g_z", z, b2, "k"),
        ("g_q", "g_z . J_q", "g_z", z, q, "k"),
        ("g_p", "g_q . J_p", "g_q", q, p, "h"),
        ("g_V1", "g_p . J_V1", "g_p", p, v1, "h"),
        ("g_b1", "g_p . J_b1", "g_p", p, b1, "h"),
        ("g_x", "g_p . J_x", "g_p", p, x, "h"),
    ];
    for (nickname, label, upstream, y, wrt, size) in steps {
        let cotangent = g.input(upstream, Type::real([size]))?;
        let node = g.vjp(y, &[wrt], cotangent)?[0];
        questions.push(Question { nickname, names: names.clone(), ..question(label, node) });
    }
    for (label, wrt) in [
        ("dlambda/dV2[i,j]", v2),
        ("dlambda/db2[i]", b2),
        ("dlambda/dV1[i,j]", v1),
        ("dlambda/db1[i]", b1),
        ("dlambda/dx[i]", x),
    ] {
        let node = g.gradient(lambda, &[wrt])?[0];
        questions.push(Question { names: names.clone(), ..question(label, node) });
    }
    let case = Bindings::new()
        .with("V1", matrix(3, &[2.0, -1.0, 0.0, 3.0, 2.0, 1.0]))
        .with("b1", vector(&[2.0, -1.0, 3.0]))
        .with("V2", matrix(2, &[2.0, 1.0, -3.0, 3.0, -1.0, 2.0]))
        .with("b2", vector(&[4.0, 2.0]))
        .with("x", vector(&[-1.0, 2.0]))
        .with("t", vector(&[-4.0, 1.0]));
    Ok(Problem {
        number: "1.4",
        title: "Back-propagation",
        graph: g,
        definitions: vec![("p", p), ("q", q), ("z", z), ("lambda", lambda)],
        questions,
        case,
        given: vec!["V1", "b1", "V2", "b2", "x", "t"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_and_the_whole_derivative_agree_at_network_0() {
        let problem = back_propagation().unwrap();
        let mut case = problem.case.clone();
        let at =
            |node: NodeId, case: &Bindings<f64>| problem.graph.evaluate(&[node], case).unwrap().remove(0);
        let mut chain = Vec::new();
        for q in &problem.questions[..8] {
            let value = at(q.node, &case);
            case.bind(q.nickname, value.clone());
            chain.push((q.nickname, value));
        }
        for (q, nickname) in problem.questions[8..].iter().zip(["g_V2", "g_b2", "g_V1", "g_b1", "g_x"]) {
            let step = &chain.iter().find(|(n, _)| *n == nickname).unwrap().1;
            assert_eq!(at(q.node, &case), *step, "{nickname}");
        }
    }
}
