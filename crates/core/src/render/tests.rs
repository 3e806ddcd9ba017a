//! The formulas of the homework, derived and printed; letters, parentheses, sharing.

use super::{Printer, Text};
use crate::graph::Graph;
use crate::graph::op::Comparison;
use crate::node::NodeId;
use crate::ops::map::{EXP, LOG, RELU, TANH};
use crate::rational::Rational;
use crate::shape::Type;

fn show(g: &Graph, n: NodeId, title: &str) {
    let p = Printer::new(g).names_of_graph();
    println!("{title} : {}", p.index_text(n).head);
    println!("  {}", p.index_text(n));
    println!("  {}", p.vector_text(n).map_or("-".into(), |t| t.to_string()));
    println!("  {}", p.index_latex(n));
    println!("  {}", p.vector_latex(n).map_or("-".into(), |t| t.to_string()));
}

#[test]
fn demo() {
    let mut g = Graph::new();
    let z = g.input("z", Type::real(["n"])).unwrap();
    let t = g.input("t", Type::real(["n"])).unwrap();
    let y = g.input("y", Type::index("n", [] as [&str; 0])).unwrap();
    let diff = g.sub(z, t).unwrap();
    let sq = g.power(diff, 2);
    let s = g.sum_all(sq).unwrap();
    let lq = g.scale(&Rational::new(1, 2), s);
    let dq = g.gradient(lq, &[z]).unwrap()[0];
    let hq = g.hessian(lq, z).unwrap();
    let lse = g.logsumexp(z, &[0]).unwrap();
    let zy = g.gather(z, y).unwrap();
    let lh = g.sub(lse, zy).unwrap();
    let dh = g.gradient(lh, &[z]).unwrap()[0];
    let hh = g.hessian(lh, z).unwrap();
    for (n, t) in [(lq, "lq"), (dq, "dq"), (hq, "hq"), (lh, "lh"), (dh, "dh"), (hh, "hh")] {
        show(&g, n, t);
    }
    let x = g.input("x", Type::real(["n"])).unwrap();
    let r = g.map(&RELU, &[x]).unwrap();
    let j = g.jacobian(r, x).unwrap();
    show(&g, r, "relu");
    show(&g, j, "drelu");
    let lj = g.local_jacobian(r, 0).unwrap();
    show(&g, lj, "drelu local");
    let v = g.input("V", Type::real(["m", "n"])).unwrap();
    let b = g.input("b", Type::real(["m"])).unwrap();
    let vx = g.dot(v, x).unwrap();
    let yy = g.add(vx, b).unwrap();
    show(&g, yy, "affine");
    for (w, t) in [(x, "dx"), (v, "dV"), (b, "db")] {
        let j = g.jacobian(yy, w).unwrap();
        show(&g, j, t);
    }
    let mut g = Graph::new();
    let v1 = g.input("V1", Type::real(["h", "d"])).unwrap();
    let b1 = g.input("b1", Type::real(["h"])).unwrap();
    let v2 = g.input("V2", Type::real(["k", "h"])).unwrap();
    let b2 = g.input("b2", Type::real(["k"])).unwrap();
    let x = g.input("x", Type::real(["d"])).unwrap();
    let t = g.input("t", Type::real(["k"])).unwrap();
    let p = g.dot(v1, x).unwrap();
    let p = g.add(p, b1).unwrap();
    let q = g.map(&RELU, &[p]).unwrap();
    let z = g.dot(v2, q).unwrap();
    let z = g.add(z, b2).unwrap();
    let diff = g.sub(z, t).unwrap();
    let sq = g.power(diff, 2);
    let s = g.sum_all(sq).unwrap();
    let l = g.scale(&Rational::new(1, 2), s);
    let grads = g.gradient(l, &[v1, b1, v2, b2, x]).unwrap();
    show(&g, l, "lambda raw");
    for (n, t) in grads.iter().zip(["V1", "b1", "V2", "b2", "x"]) {
        show(&g, *n, &format!("raw d{t}"));
    }
    for (n, t) in [(p, "p"), (q, "q"), (z, "z")] {
        g.name(n, t);
    }
    show(&g, l, "lambda");
    for (n, t) in grads.iter().zip(["V1", "b1", "V2", "b2", "x"]) {
        show(&g, *n, &format!("d{t}"));
    }
}
