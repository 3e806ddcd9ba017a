//! Spelling: ranges, names, whole arrays and guards, each printed and read back to the node that it was.

use crate::eval::Bindings;
use crate::graph::Graph;
use crate::graph::op::{Literal, Reduction};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::render::Printer;
use crate::shape::{Dim, Type};
use crate::tensor::Tensor;

/// A graph with one input of each given name and type.
fn with(inputs: &[(&str, Type)]) -> Graph {
    let mut g = Graph::new();
    for (name, ty) in inputs {
        g.input(name, ty.clone()).unwrap();
    }
    g
}

fn printed(g: &mut Graph, text: &str) -> String {
    let node = g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
    let printed = Printer::new(g).equation_text(node, "y").to_string();
    assert_eq!(g.form(&printed, &[]), Ok(node), "{text}: {printed}");
    printed
}

#[test]
fn ranges_stand_where_the_axes_do_not_tell_them() {
    let mut g = with(&[("x", Type::real(["n"])), ("w", Type::real([3])), ("A", Type::real(["n", "n"]))]);
    for (text, same) in [
        ("prod(i=0..3, w[i]*[i <= 2])", "y = prod(i=0..3, w[i] * [i <= 2])"),
        ("max(i=0..3, w[i]*[i <= 2])", "y = max(i=0..3, w[i] * [i <= 2])"),
        ("sum(i=0..n, x[i]*[i < n])", "y = sum(i=0..n, x[i] * [i < n])"),
        ("min(i, x[n-1-i]*x[i])", "y = min(i, x[i]*x[n-1-i])"),
        ("sum(i=0..n-1, exp(x[n-1-i]))", "y = sum(i=0..n-1, exp(x[n-1-i]))"),
        ("y[i=0..5] = w[i-3]*[i >= 3]", "y[i=0..5] = w[i-3] * [i >= 3]"),
        ("y[i=0..n-1,j] = A[n-1-i,j]", "y[i=0..n-1,j] = A[n-1-i,j]"),
        ("y[i=0..n-1] = 1", "y[i=0..n-1] = 1"),
        ("y[i=0..2*n-1] = x[i div 2]*x[i mod n]", "y[i=0..2*n-1] = x[i div 2]*x[i mod n]"),
        ("y[i=0..n-1] = argmax(j, A[n-1-i,j])", "y[i=0..n-1] = argmax(j, A[n-1-i,j])"),
    ] {
        assert_eq!(printed(&mut g, text), same);
    }
}

#[test]
fn names_are_never_mistaken_for_each_other() {
    let scalar = Type::scalar;
    let mut g = with(&[
        ("pi", scalar()),
        ("n", scalar()),
        ("x", Type::real(["n"])),
        ("if", Type::real(["n"])),
        ("", scalar()),
        ("x y", Type::real(["n"])),
        ("mlp/2/W", Type::real(["n"])),
    ]);
    let x = g.find("x").unwrap();
    let pi = g.pi();
    let size = g.size(&"n".into());
    let one = g.integer(1);
    let euler = g.map(&crate::ops::map::EXP, &[one]).unwrap();
    let square = g.power(x, 2);
    let tag = g.tag("x", square);
    let other = g.tag("h", square);
    let mut terms: Vec<NodeId> =
        ["pi", "n", "if", "", "x y", "mlp/2/W"].iter().map(|name| g.find_input(name).unwrap()).collect();
    terms.extend([pi, size, euler, x, tag, other]);
    let shape = vec![Dim::size("n")];
    let terms: Vec<(Rational, NodeId)> = terms
        .into_iter()
        .map(|t| (Rational::ONE, if g.rank(t) == 0 { g.broadcast(t, &shape) } else { t }))
        .collect();
    let node = g.sum(&terms, Type::real(shape)).unwrap();
    let text = Printer::new(&g).equation_text(node, "y").to_string();
    for part in [
        "\"if\"[i]",
        "\"\"",
        "\"x y\"[i]",
        "\"mlp/2/W\"[i]",
        " pi() ",
        " pi ",
        " n ",
        "size(n)",
        "tag(\"x\")[i]",
        " h[i]",
    ] {
        assert!(format!("{text} ").contains(part), "{part}: {text}");
    }
    assert_eq!(g.form(&text, &[]), Ok(node), "{text}");
    // A name given to the printer, and to the reader, comes before an input.
    let both = g.add(x, square).unwrap();
    let text = Printer::new(&g).names(&[(square, "x")]).equation_text(both, "y").to_string();
    assert_eq!(text, "y[i] = input(\"x\")[i] + x[i]");
    assert_eq!(g.form(&text, &[("x", square)]), Ok(both));
    let latex = Printer::new(&g).index_latex(node).to_string();
    assert!(latex.contains(r#"\texttt{"mlp/2/W"}_i"#), "{latex}");
}

#[test]
fn arrays_written_whole_read_back() {
    let mut g = with(&[
        ("x", Type::real(["n"])),
        ("A", Type::real(["n", "n"])),
        ("t", Type::index("n", ["m"])),
        ("w", Type::real([3])),
    ]);
    for text in [
        "y[i] = [(-0.25), 1.5, 2][i]*w[i]",
        "y[i] = w[[2, 0, 1, 1][i]]",
        "y[i] = [1.0, 2.0, nan][i] + [inf, (-inf), (-0.0)][i]",
        "y[i,j] = [[1, 2], [3, 4]][i,j]",
        "y[i] = x[argsort(x)[i]]",
        "y[i,j] = A[argsort(A, axis=0)[i,j],j]",
        "y[i,j] = inv(A)[i,j]*det(A)",
        "y[i] = solve(A, x)[i]",
        "y[i] = w[i]*[[1.0, 2.0, 3.0][i] > 2]",
        "y[i,j] = inv(inv(A))[j,i]",
        "y[i] = x[t[0]]*stop_gradient(x[i])",
        "y[i] = x[i] > 0 and x[i] < 1 or not x[i] >= 2",
    ] {
        printed(&mut g, text);
    }
    let x = g.find("x").unwrap();
    let sorted = g.sort(x, 0).unwrap();
    assert_eq!(g.form("sort(x)[i]", &[]), Ok(sorted));
    let a = g.find("A").unwrap();
    let top = g.reduce(Reduction::Max, a, 0).unwrap();
    assert_eq!(g.form("y[i] = max(A, axis=0)[i]", &[]), Ok(top));
    let soft = g.softmax(a, &[0, 1]).unwrap();
    assert_eq!(g.form("softmax(A, axis=all)[i,j]", &[]), Ok(soft));
    let long = g.literal(Literal::real(&[100], (0..100).map(f64::from)).unwrap());
    let text = Printer::new(&g).equation_text(long, "y").to_string();
    assert!(g.form(&text, &[]).unwrap_err().to_string().contains("left out of a long literal"), "{text}");
    let refused = |g: &mut Graph, text: &str| g.form(text, &[]).unwrap_err().to_string();
    assert!(refused(&mut g, "argsort(A)[i,j]").contains("which axis? argsort of real[n,n]"));
    assert!(refused(&mut g, "inv(x[i])[i,j]").contains("a whole array stands here"));
    assert!(refused(&mut g, "[x[0], 1][i]").contains("the entries of a literal are numbers"));
    assert!(refused(&mut g, "[[1, 2], [3]][i,j]").contains("another length"));
    assert!(refused(&mut g, "x[[0.5, 1][i]]").contains("a literal of whole numbers"));
    assert!(refused(&mut g, "[x[i] > 0][j]").contains("an operator is missing before `[`"));
    assert!(refused(&mut g, "exp(x[i])[j]").contains("`exp` has no entries of its own"));
    assert!(refused(&mut g, "inv(A)").contains("its entries are read as inv(A)[…]"));
}

#[test]
fn a_guard_keeps_reads_of_its_product_inside() {
    let mut g = with(&[
        ("x", Type::real([5])),
        ("M", Type::real(["v", "d"])),
        ("h", Type::index("v", ["n"])),
        ("z", Type::real(["n"])),
    ]);
    for text in [
        "y[i=0..7] = x[i-3]*[i >= 3]",
        "y[i=0..4] = x[2*i-4]*[i >= 2]",
        "y[i=0..3,j=0..3] = x[i+j]*[i+j <= 4]",
        "y[c=0..n-1,i] = M[h[c-2],i]*[c >= 2]",
        "y[c=0..n-1] = z[c-1]^2*z[c]*[c > 0]",
        "y[c=0..n] = (z[c] if c < n else 0)",
    ] {
        printed(&mut g, text);
    }
    let refused = |g: &mut Graph, text: &str| g.form(text, &[]).unwrap_err().to_string();
    assert_eq!(
        refused(&mut g, "y[i=0..7] = x[i-3]*[i >= 2]"),
        "x has 5 entries, x[0] .. x[4]; there is no x[-3]"
    );
    assert!(refused(&mut g, "y[i=0..7] = exp(x[i-3])*[i >= 3]").contains("there is no x[-3]"));
    assert!(refused(&mut g, "y[i=0..7] = x[i-3]^0").contains("there is no x[-3]"));
    let rows = g.form("y[c=0..n-1,i] = M[h[c-2],i]*[c >= 2]", &[]).unwrap();
    let at = Bindings::new()
        .with("M", Tensor::new(&[2, 1], vec![5.0, 7.0]).unwrap())
        .with_labels("h", Tensor::new(&[4], vec![1, 0, 1, 0]).unwrap());
    let values = g.evaluate(&[rows], &at).unwrap();
    assert_eq!(values[0].real().unwrap().data(), [0.0, 0.0, 7.0, 5.0]);
    let total = g.sum_all(rows).unwrap();
    let m = g.find("M").unwrap();
    let slope = g.gradient(total, &[m]).unwrap()[0];
    assert_eq!(g.evaluate(&[slope], &at).unwrap()[0].real().unwrap().data(), [1.0, 1.0]);
    let structured = g.evaluate_structured(rows, &at).unwrap();
    let mut dense = [9.0; 4];
    structured.to_dense_into(&mut dense).unwrap();
    assert_eq!(dense, [0.0, 0.0, 7.0, 5.0]);
}

#[test]
fn guards_that_others_imply_are_not_written() {
    let mut g = with(&[("x", Type::real([9])), ("A", Type::real(["n", "n"]))]);
    assert_eq!(
        printed(&mut g, "y[i] = x[i]*[i > 0]*[i <= 6]*[i <= 3]*[i >= 0]"),
        "y[i] = x[i] * [i > 0] * [i <= 3]"
    );
    // Guards of different nodes meet in print.
    let inner = g.form("y[i] = exp(x[i])*x[i]*[i <= 6]", &[]).unwrap();
    let both = g.form("y[i] = t[i]*[i <= 3]", &[("t", inner)]).unwrap();
    let text = Printer::new(&g).index_text(both).to_string();
    assert_eq!(text, "x[i] * exp(x[i]) * [i <= 3]");
    let diagonal = g.form("y[i,j] = A[i,j]*exp(A[i,j])*delta(i,j)", &[]).unwrap();
    let again = g.form("y[i] = d[i,i]^2", &[("d", diagonal)]).unwrap();
    let text = Printer::new(&g).index_text(again).to_string();
    assert!(!text.contains("delta"), "{text}");
}

/// Was 1.8 MB: every view wrote its index terms into those of the one before.
#[test]
fn a_chain_of_views_prints_in_linear_size() {
    let length = |g: &Graph, node: NodeId| {
        let text = Printer::new(g).index_text(node).to_string();
        (text.len(), Printer::new(g).index_latex(node).to_string().len())
    };
    for repeats in [5, 20, 40] {
        let mut g = with(&[("x", Type::real([12, 35]))]);
        let mut y = g.find("x").unwrap();
        for _ in 0..repeats {
            y = g.reshape(y, &[20.into(), 21.into()]).unwrap();
            y = g.reverse(y, 0).unwrap();
            y = g.reshape(y, &[35.into(), 12.into()]).unwrap();
            y = g.transpose(y, &[1, 0]).unwrap();
        }
        let simplified = g.simplify(&[y], &crate::simplify::Options::default()).unwrap().outputs[0];
        for node in [y, simplified] {
            let (text, latex) = length(&g, node);
            assert!(text < 700 * repeats && latex < 1000 * repeats, "{repeats}: {text}, {latex}");
            let text = Printer::new(&g).equation_text(node, "y").to_string();
            assert_eq!(g.form(&text, &[]).map(|n| g.shape(n).to_vec()), Ok(g.shape(node).to_vec()));
        }
        let at =
            Bindings::new().with("x", Tensor::new(&[12, 35], (0..420).map(f64::from).collect()).unwrap());
        let text = Printer::new(&g).equation_text(y, "y").to_string();
        let read = g.form(&text, &[]).unwrap();
        let values = g.evaluate(&[y, simplified, read], &at).unwrap();
        assert_eq!(values[0], values[1]);
        assert_eq!(values[0], values[2]);
    }
}
