//! What formulas mean as nodes: exactness, ranges, order, conditions, and that nothing panics.

use super::*;
use crate::eval::Bindings;
use crate::graph::op::Op;
use crate::ops::map::{EXP, RELU};
use crate::shape::Type;
use crate::tensor::Tensor;

/// A graph with the names of the homework.
fn setting() -> Graph {
    let mut g = Graph::new();
    g.input("V", Type::real(["m", "n"])).unwrap();
    g.input("A", Type::real(["n", "n"])).unwrap();
    g.input("x", Type::real(["n"])).unwrap();
    g.input("z", Type::real(["n"])).unwrap();
    g.input("b", Type::real(["m"])).unwrap();
    g.input("w", Type::real([3])).unwrap();
    g.input("s", Type::real([0i64; 0])).unwrap();
    g.input("y", Type::index("n", [0i64; 0])).unwrap();
    g.input("t", Type::index("n", ["batch"])).unwrap();
    g
}

fn same(formulas: &[&str]) {
    let mut g = setting();
    let first = g.form(formulas[0], &[]).unwrap_or_else(|e| panic!("{}: {e}", formulas[0]));
    for text in &formulas[1..] {
        let node = g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(node, first, "{} and {text}", formulas[0]);
    }
}

fn refused(text: &str) -> String {
    setting().form(text, &[]).expect_err(text).to_string()
}

fn find(g: &Graph, name: &str) -> NodeId {
    g.find(name).unwrap()
}

#[test]
fn index_notation_and_constructors_meet_in_one_node() {
    let mut g = setting();
    let (v, a, x, z, b) = (find(&g, "V"), find(&g, "A"), find(&g, "x"), find(&g, "z"), find(&g, "b"));
    let vx = g.dot(v, x).unwrap();
    let affine = g.add(vx, b).unwrap();
    assert_eq!(g.form("y[i] = sum(j, V[i,j]*x[j]) + b[i]", &[]).unwrap(), affine);
    let transposed = g.t(v).unwrap();
    assert_eq!(g.form("q[j,i] = V[i,j]", &[]).unwrap(), transposed);
    assert_eq!(g.form("q[i,j] = V[i,j]", &[]).unwrap(), v);
    let trace = g.trace(a).unwrap();
    assert_eq!(g.form("sum(i, A[i,i])", &[]).unwrap(), trace);
    let relu = g.map(&RELU, &[affine]).unwrap();
    assert_eq!(g.form("relu(sum(j, V[i,j]*x[j]) + b[i])", &[]).unwrap(), relu);
    let gathered = {
        let t = find(&g, "t");
        g.gather(x, t).unwrap()
    };
    assert_eq!(g.form("x[t[i]]", &[]).unwrap(), gathered);
    let reversed = g.reverse(x, 0).unwrap();
    assert_eq!(
        g.form("x[n-1-i]", &[]).unwrap_err().to_string(),
        "at byte 6: index i touches no axis: state its range, as in i=0..n-1"
    );
    assert_eq!(g.form("r[i=0..n-1] = x[n-1-i]", &[]).unwrap(), reversed);
    let outer = g.outer(x, z).unwrap();
    assert_eq!(g.form("o[i,j] = x[i]*z[j]", &[]).unwrap(), outer);
    let soft = g.softmax(z, &[0]).unwrap();
    assert_eq!(g.form("exp(z[i]) / sum(j, exp(z[j]))", &[]).unwrap(), soft);
    let lse = g.logsumexp(z, &[0]).unwrap();
    assert_eq!(g.form("l = log(sum(j, exp(z[j])))", &[]).unwrap(), lse);
    let eye = g.eye(&["n".into(), "n".into()]).unwrap();
    let stated = "at byte 11: index j touches no axis: state its range, as in j=0..n-1";
    assert_eq!(g.form("d[i=1..n, j] = delta(i,j)", &[]).unwrap_err().to_string(), stated.replace("11", "10"));
    assert_eq!(g.form("d[i=0..n-1, j=0..n-1] = [i == j]", &[]).unwrap(), eye);
    let onehot = {
        let y = find(&g, "y");
        g.one_hot(y, &"n".into()).unwrap()
    };
    assert_eq!(g.form("d[i] = delta(i, y)", &[]).unwrap(), onehot);
    let max = g.reduce(crate::graph::op::Reduction::Max, v, 1).unwrap();
    assert_eq!(g.form("m[i] = max(j, V[i,j])", &[]).unwrap(), max);
    let position = g.argmax(z, 0).unwrap();
    assert_eq!(g.form("argmax(i, z[i])", &[]).unwrap(), position);
    let quadratic = {
        let d = g.sub(x, z).unwrap();
        let s = g.dot(d, d).unwrap();
        g.scale(&crate::rational::Rational::new(1, 2), s)
    };
    assert_eq!(g.form("1/2 * sum(i, (x[i] - z[i])^2)", &[]).unwrap(), quadratic);
    let tag = g.tag("h", x);
    assert_eq!(g.form("h[i]", &[]).unwrap(), tag);
    assert_eq!(g.form("u[i]", &[("u", z)]).unwrap(), z);
}

#[test]
fn names_of_indices_and_order_leave_no_trace() {
    same(&["o[i] = sum(j, V[i,j]*x[j])", "o[q] = sum(r, x[r]*V[q,r])", "sum(i, x[i]*V[j,i])"]);
    same(&[
        "sum(i,j, A[i,j]*x[i]*z[j])",
        "sum(i, z[i]*sum(k, x[k]*A[k,i]))",
        "sum(j, sum(i, A[i,j]*x[i]*z[j]))",
    ]);
    same(&["sum(i,j, A[i,j]*A[j,i])", "sum(p, sum(q, A[q,p]*A[p,q]))"]);
    same(&["sum(i, x[i])*sum(i, z[i])", "sum(k, z[k])*sum(i, x[i])", "sum(i,j, x[i]*z[j])"]);
    same(&["sum(i=0..n-1, sum(i, x[i]*z[i]))", "sum(j=0..n-1, sum(i, z[i]*x[i]))", "n*sum(i, x[i]*z[i])"]);
    same(&["sum(i,j, (A[j,i] - A[i,j])*x[j])", "sum(a,b, x[a]*(A[a,b] - A[b,a]))"]);
    same(&["x[i] + z[i] + 1", "1 + z[i] + x[i]"]);
    same(&["sum(i, (x[i]+z[i])^2)", "sum(k, (z[k]+x[k])*(x[k]+z[k]))"]);
    same(&["sum(i, [i <= y]*x[i])", "sum(k, x[k] if k <= y else 0)", "sum(k, x[k]*[not k > y])"]);
}

#[test]
fn numbers_are_exact_and_powers_bind_as_in_python() {
    same(&["-s^2", "-(s^2)", "-1*s*s", "(-1)*s^2"]);
    same(&["0.1*s", "s/10", "1/10*s"]);
    same(&["s^-2", "1/s^2", "recip(s*s)"]);
    same(&["e^s", "exp(s)"]);
    same(&["2^10", "1024"]);
    same(&["s^0", "1", "x[0]^0"]);
    same(&["s^0.5", "s^(1/2)", "pow(s, 0.5)"]);
    same(&["sum(i, 2*x[i])", "2*sum(i, x[i])"]);
    same(&["sum(i=0..n-1, 3)", "3*n"]);
    same(&["pi*s", "s*pi"]);
    let mut g = setting();
    let entries = ["x[0]*s", "x[1]*s", "s*x[0]"].map(|text| g.form(text, &[]).unwrap());
    assert!(entries[0] != entries[1] && entries[0] == entries[2], "positions of entries are kept");
    for text in [
        "2^1000000",
        "(2*s)^1000000",
        "(s^100000)^100000",
        "s^4294967296",
        "(s^2147483647)*(s^2147483647)*s^2147483647",
        "1/0",
        "0^-1",
    ] {
        g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[test]
fn conditions_guard_and_select() {
    same(&["r[i] = x[i] if x[i] > 0 else z[i]", "z[i] if not x[i] > 0 else x[i]"]);
    same(&["[x[i] > 0]*x[i]", "x[i] if 0 < x[i] else 0", "x[k]*[x[k] > 0]"]);
    same(&["[x[i] != z[i]]", "1 - 0 if not x[i] == z[i] else 0"]);
    same(&["o[i,j] = 0 if i == j else A[i,j]", "o[i,j] = A[i,j] if i != j else 0"]);
    same(&["o[i,j] = A[i,j]*[i == j and x[i] > 0]", "o[p,q] = A[p,q] if x[p] > 0 and q == p else 0"]);
    same(&["max(x[i], z[i])", "maximum(x[k], z[k])"]);
    let mut g = setting();
    let node = g.form("x[i] if x[i] > 0 else z[i]", &[]).unwrap();
    assert!(matches!(g.op(node), Op::Select));
    let node = g.form("m[i] = x[i] > z[i]", &[]).unwrap();
    assert!(matches!(g.op(node), Op::Compare(_)));
    let node = g.form("exp(A[j,i])", &[]).unwrap();
    let a = find(&g, "A");
    assert_eq!(node, g.map(&EXP, &[a]).unwrap());
}

#[test]
fn mistakes_are_said_in_the_readers_indices() {
    let conflict = "index j is n long in A[i,j] but 3 long in w[j]";
    assert_eq!(refused("sum(j, A[i,j]*w[j])"), conflict);
    assert_eq!(refused("sum(j, V[i,j]*b[j])"), "index j is n long in V[i,j] but m long in b[j]");
    assert_eq!(refused("zz[i]*x[i]").lines().next().unwrap(), "there is no zz");
    assert!(refused("x[i] + q").contains("there is no q"));
    assert!(refused("exq(s)").contains("help: there is exp"));
    assert_eq!(refused("w[3]"), "w has 3 entries, w[0] .. w[2]; there is no w[3]");
    assert_eq!(refused("w[-1]"), "w has 3 entries, w[0] .. w[2]; there is no w[-1]");
    assert_eq!(refused("o[i=0..2] = w[i+1]"), "w has 3 entries, w[0] .. w[2]; there is no w[3]");
    assert!(refused("o[i=0..n-1] = x[i+1]").starts_with("at byte 16: i+1 reaches n, outside the axis of x"));
    assert!(refused("o[i=0..m-1] = x[i]").starts_with("index i is m long in i=0..m-1 but n long in x[i]"));
    assert_eq!(
        refused("o[i] = x[i]*z[k]"),
        "at byte 14: index k is free on the right, but o[i] on the left has no k: sum over it, or add it to the left"
    );
    assert!(refused("o[i,k] = x[i]").contains("index k touches no axis"));
    assert!(refused("x").contains("its entries are read as x[…]"));
    assert!(refused("x[i,j]").contains("x has 1 axis, 2 given here"));
    assert!(refused("y*x[y]").contains("where a real number is expected"));
    assert!(refused("x[i]*(x[i] > 0)").contains("write it in brackets"));
    assert!(refused("x[1/2]").contains("a whole number is expected"));
    assert!(refused("exp(s, s)").contains("`exp` takes 1 operand, 2 given"));
    assert!(refused("sum(x[i])").contains("a binder takes an index"));
    assert!(refused("x[i div 0]*x[i]").contains("positive number or size"));
    assert!(refused("x[99999999999999*i]*x[i]").contains("too large"));
    assert!(refused("x[i=0..2]").contains("a range stands only inside a binder"));
    assert!(refused("sum(j=i..2, w[j]*x[i])").contains("ends of a range"));
}

#[test]
fn stated_ranges_shift_and_cover_part_of_an_axis() {
    let mut g = setting();
    let (x, w) = (find(&g, "x"), find(&g, "w"));
    let tail = g.slice(w, 0, &Dim::ONE, 1, &2.into()).unwrap();
    assert_eq!(g.form("o[i=1..2] = w[i]", &[]).unwrap(), tail);
    let shifted = g.form("o[i=0..n-2] = x[i+1]", &[]).unwrap();
    let rest = Dim::size("n") - Dim::ONE;
    assert_eq!(shifted, g.slice(x, 0, &Dim::ONE, 1, &rest).unwrap());
    assert_eq!(g.shape(shifted)[0].to_string(), "n - 1");
    let whole = g.form("sum(i=0..n-1, x[i])", &[]).unwrap();
    assert_eq!(whole, g.sum_all(x).unwrap());
}

#[test]
fn long_and_deep_formulas_cost_no_stack() {
    let mut g = setting();
    g.form(&vec!["s"; 50_000].join(" + "), &[]).unwrap();
    g.form(&format!("{}s{}", "sin(".repeat(10_000), ")".repeat(10_000)), &[]).unwrap();
    g.form(&format!("{}s", "-".repeat(50_000)), &[]).unwrap();
}

/// Random formulas, half of them with a piece of noise: an answer or an error, never a panic; answers print and read back.
#[test]
fn no_formula_panics() {
    let mut r = Random(3);
    let mut accepted = 0;
    for round in 0..10_000 {
        let mut g = setting();
        let mut text = r.formula(1 + round % 5);
        if round % 2 == 0 {
            let noise = [")", "[", ",", "if", "..", "=", " 2 ", "x[", "0*", "^", "-", "not ", "é", "q"];
            let at = (0..=r.below(text.len())).rev().find(|&k| text.is_char_boundary(k)).unwrap();
            text.insert_str(at, noise[r.below(noise.len())]);
        }
        if let Ok(node) = g.form(&text, &[]) {
            accepted += 1;
            let printed = g.to_text(&[node]);
            let (read, outputs) =
                Graph::from_text(&printed).unwrap_or_else(|e| panic!("{text}: {e}\n{printed}"));
            assert_eq!(read.to_text(&outputs), printed, "{text}");
        }
    }
    assert!(accepted > 2_000, "{accepted}");
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn index(&mut self) -> &'static str {
        ["i", "j", "k", "i", "j", "y", "0", "n-1-i", "i mod n", "t[0]", "i div 2", "argmax(q, x[q])"]
            [self.below(12)]
    }

    fn formula(&mut self, depth: usize) -> String {
        if depth == 0 {
            let (i, j) = (self.index(), self.index());
            return match self.below(8) {
                0 => format!("A[{i},{j}]"),
                1 => format!("delta({i},{j})"),
                2 => ["2", "1/3", "n", "pi", "e", "0", "w[2]"][self.below(7)].to_string(),
                3 => "s".to_string(),
                _ => format!("{}[{i}]", ["x", "z"][self.below(2)]),
            };
        }
        let other = self.below(depth);
        let (a, b) = (self.formula(depth - 1), self.formula(other));
        let (i, j) = (self.index(), self.index());
        let letter = ["i", "j", "k"][self.below(3)];
        match self.below(14) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 | 3 => format!("({a})*({b})"),
            4 => format!("({a})/({b})"),
            5 => format!("({a})^{}", ["2", "3", "0", "-1", "0.5", "i", "9999999"][self.below(7)]),
            6 | 7 => format!("sum({letter}=0..n-1, {a})"),
            8 => format!("{}({letter}=0..n-1, {a})", ["max", "min", "prod"][self.below(3)]),
            9 => format!("{}({a})", ["exp", "log", "relu", "-"][self.below(4)]),
            10 => format!("[{a} > {b} or not {i} <= {j}]*({b})"),
            11 => format!("(({a}) if {i} == {j} and {b} <= 1 else ({b}))"),
            12 => format!("max({a}, {b})"),
            _ => format!("(({a}) if {a} < {b} else ({b}))"),
        }
    }
}

#[test]
fn an_index_may_stand_as_a_number() {
    let mut g = Graph::new();
    g.input("x", Type::real(["n"])).unwrap();
    let y = g.form("sum(i, (2*i + 1)*x[i])", &[]).unwrap();
    let at = Bindings::new().with("x", Tensor::vector(vec![1.0, 10.0, 100.0]));
    assert_eq!(g.evaluate(&[y], &at).unwrap()[0].real().unwrap().data(), [531.0]);
    let from_one = g.form("sum(i=1..n, i*x[i-1])", &[]).unwrap();
    assert_eq!(g.evaluate(&[from_one], &at).unwrap()[0].real().unwrap().data(), [321.0]);
}
