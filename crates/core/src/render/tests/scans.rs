//! Recurrences as text and as LaTeX: the scan by its step, and the step in a line of its own.

use super::real;
use crate::graph::Graph;
use crate::node::NodeId;
use crate::ops::map::{SIGMOID, TANH};
use crate::render::Printer;
use crate::shape::Dim;

fn cell(g: &mut Graph) -> NodeId {
    let (w, x, h0) = (real(g, "W", &["d", "d"]), real(g, "x", &["n", "d"]), real(g, "h0", &["d"]));
    g.recurrence("cell", &Dim::size("n"), false, &[("h", h0)], &[("x", x)], |g, h, x| {
        let kept = g.dot(w, h[0])?;
        let sum = g.add(kept, x[0])?;
        Ok(vec![g.map(&TANH, &[sum])?])
    })
    .unwrap()[0]
}

#[test]
fn a_step_stands_in_a_line_of_its_own() {
    let mut g = Graph::new();
    let h = cell(&mut g);
    assert_eq!(
        Printer::new(&g).index_text(h).to_string(),
        "scan(t=0..n-1, h <- cell(h, x[t], W); h0)[i,j]
  where cell(h, x, W)[i] = tanh(sum(j, W[i,j]*h[j]) + x[i])"
    );
    assert_eq!(Printer::new(&g).vector_text(h).unwrap().body, "scan(t=0..n-1, h <- cell(h, x[t], W); h0)");
    assert_eq!(
        Printer::new(&g).index_base(1).index_latex(h).to_string(),
        r"\left(\operatorname{scan}_{t=1}^{n}\left(h \leftarrow \operatorname{cell}\left(h, x_t, W\right);\; h_0\right)\right)_{ij}
  where \left(\operatorname{cell}\left(h, x, W\right)\right)_i = \tanh\left(\sum_{j=1}^{d} W_{ij} h_j + x_i\right)"
    );
}

/// Backpropagation through time, as it is written in a textbook.
#[test]
fn the_gradient_is_a_scan_the_other_way() {
    let mut g = Graph::new();
    let h = cell(&mut g);
    let c = real(&mut g, "c", &["n", "d"]);
    let product = g.multiply(c, h).unwrap();
    let y = g.sum_all(product).unwrap();
    let w = g.find_input("W").unwrap();
    let gradient = g.gradient(y, &[w]).unwrap()[0];
    assert_eq!(
        Printer::new(&g).index_text(gradient).to_string(),
        "sum(k, (t2[k+1,i] * [k <= n - 2] + c[k,i]) * (1 - t1[k,i]^2) * (t1[k-1,j] * [k > 0] + delta(k,0) * h0[j]))
  where t1[i,j] = scan(t=0..n-1, h <- cell(h, x[t], W); h0)[i,j]
  where t2[i,j] = scan(t=n-1..0, h_bar <- cell_bar(h_bar, c[t], t1[t], W); zeros(d))[i,j]
  where cell(h, x, W)[i] = tanh(sum(j, W[i,j]*h[j]) + x[i])
  where cell_bar(h_bar, h_arriving, h_next, W)[i] = sum(j, (1 - h_next[j]^2) * (h_arriving[j] + h_bar[j]) * W[j,i])"
    );
}

#[test]
fn one_of_several_carries_is_named() {
    let mut g = Graph::new();
    let (a, z) = (real(&mut g, "a", &[]), real(&mut g, "z", &["n"]));
    let zero = g.integer(0);
    let both = g
        .recurrence("pair", &Dim::size("n"), true, &[("p", zero), ("q", a)], &[("t", z)], |g, s, x| {
            let r = g.map(&SIGMOID, &[x[0]])?;
            let u = g.multiply(r, s[1])?;
            Ok(vec![g.power(u, 2), g.add(u, s[0])?])
        })
        .unwrap();
    // A formal is called t, so positions are not.
    assert_eq!(
        Printer::new(&g).index_text(both[1]).to_string(),
        "scan(time=n-1..0, (p,q) <- pair(p, q, z[time]); (0,a)).q[i]
  where pair(p, q, t).p = (q * sigmoid(t))^2
  where pair(p, q, t).q = q * sigmoid(t) + p"
    );
    assert_eq!(
        Printer::new(&g).index_latex(both[0]).body,
        r"\left(\operatorname{scan}_{\mathrm{time}=n-1}^{0}\left((p, q) \leftarrow \operatorname{pair}\left(p, q, z_{\mathrm{time}}\right);\; (0, a)\right).p\right)_i"
    );
}

/// Definitions inside a step are called after it, and two steps of one name are told apart.
#[test]
fn names_inside_steps_do_not_meet_those_outside() {
    let mut g = Graph::new();
    let n = Dim::size("n");
    let mut y = real(&mut g, "a", &[]);
    for k in 0..2 {
        let made = g.recurrence("step", &n, false, &[("h", y)], &[], |g, h, _| {
            let s = (0..=k).try_fold(h[0], |s, _| g.map(&SIGMOID, &[s]))?;
            let both = g.multiply(s, h[0])?;
            let long = (0..3).try_fold(both, |u, _| {
                let t = g.map(&TANH, &[u])?;
                g.add(t, both)
            })?;
            let square = g.multiply(long, long)?;
            let exp = g.map(&TANH, &[long])?;
            Ok(vec![g.add(square, exp)?])
        });
        let made = made.unwrap()[0];
        y = g.sum_all(made).unwrap();
    }
    let text = Printer::new(&g).index_text(y).to_string();
    let heads: Vec<&str> =
        text.lines().skip(1).filter_map(|l| l.split(" = ").next()).map(str::trim).collect();
    assert_eq!(
        heads,
        ["where t1", "where step(h)", "where step_1", "where step2(h)", "where step2_1"],
        "{text}"
    );
    // What the text does not say is not read back as something else.
    assert!(g.form(&Printer::new(&g).equation_text(y, "y").to_string(), &[]).is_err());
}
