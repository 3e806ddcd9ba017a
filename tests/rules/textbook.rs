//! Derivatives of common expressions, as printed: each line should be what a textbook shows.

use chainrule_core::graph::op::Facts;
use chainrule_core::render::Printer;
use chainrule_core::shape::{Dim, Type};
use chainrule_core::simplify::Options;
use chainrule_core::{Graph, NodeId};
use chainrule_golden::golden_text;
use std::fmt::Write;

/// Expressions and the inputs by which they are differentiated.
const NUMBERS: &[(&str, &[&str])] = &[
    ("x^2", &["x"]),
    ("x^3 - 2*x^2 + 5*x - 7", &["x"]),
    ("x * x^2", &["x"]),
    ("(x^2 + 1)^3", &["x"]),
    ("(2*x + 1)*(x - 3)", &["x"]),
    ("1/x", &["x"]),
    ("1/x^2", &["x"]),
    ("3/(2*x)", &["x"]),
    ("1/(x*y)", &["x", "y"]),
    ("x/y", &["x", "y"]),
    ("x^2/y^3", &["x", "y"]),
    ("x/(1 + x^2)", &["x"]),
    ("(x - 1)/(x + 1)", &["x"]),
    ("1/(1 + x^2)", &["x"]),
    ("sqrt(x)", &["x"]),
    ("sqrt(1 + x^2)", &["x"]),
    ("1/sqrt(x)", &["x"]),
    ("exp(-x^2/2)", &["x"]),
    ("exp(2*x)", &["x"]),
    ("x*exp(x)", &["x"]),
    ("exp(x) - 1", &["x"]),
    ("log(x)", &["x"]),
    ("log(2*x)", &["x"]),
    ("x*log(x) - x", &["x"]),
    ("log(1 + x^2)", &["x"]),
    ("log(x)/x", &["x"]),
    ("1/(1 + exp(-x))", &["x"]),
    ("log(1 + exp(x))", &["x"]),
    ("-y*log(x) - (1 - y)*log(1 - x)", &["x"]),
    ("sin(x)*cos(x)", &["x"]),
    ("sin(x)/x", &["x"]),
    ("tanh(x)", &["x"]),
    ("x^0.5", &["x"]),
    ("x^y", &["x", "y"]),
    ("1/(sqrt(2*pi)*s)*exp(-(x - m)^2/(2*s^2))", &["x", "m", "s"]),
    ("log(s) + (x - m)^2/(2*s^2)", &["x", "m", "s"]),
];

const TENSORS: &[(&str, &[&str])] = &[
    ("sum(i, u[i]^2)", &["u"]),
    ("sqrt(sum(i, u[i]^2))", &["u"]),
    ("u[i]/sqrt(sum(j, u[j]^2))", &["u"]),
    ("sum(i, u[i]*v[i])/(sqrt(sum(i, u[i]^2))*sqrt(sum(i, v[i]^2)))", &["u"]),
    ("sum(i, abs(u[i]))", &["u"]),
    ("sum(i,j, u[i]*A[i,j]*u[j])", &["u", "A"]),
    ("sum(i, (sum(j, A[i,j]*u[j]) - v[i])^2)/2", &["u", "A"]),
    ("u[i]/sum(j, u[j])", &["u"]),
    ("exp(u[i])/sum(j, exp(u[j]))", &["u"]),
    ("log(sum(j, exp(u[j])))", &["u"]),
    ("-sum(i, v[i]*log(exp(u[i])/sum(j, exp(u[j]))))", &["u"]),
    ("sum(i, v[i]*log(v[i]/u[i]))", &["u", "v"]),
    ("sum(i, log(1 + exp(-v[i]*u[i])))", &["u"]),
];

fn declared(g: &mut Graph, facts: Facts) {
    for name in ["x", "y", "m", "s"] {
        g.input_with(name, Type::scalar(), facts).unwrap();
    }
    for name in ["u", "v"] {
        g.input_with(name, Type::real(["n"]), facts).unwrap();
    }
    g.input("A", Type::real(["n", "n"])).unwrap();
}

fn printed(g: &mut Graph, node: NodeId) -> String {
    let flat = g.simplify(&[node], &Options::default()).unwrap().outputs[0];
    Printer::new(g).index_text(flat).to_string().replace('\n', "\n        ")
}

fn page(list: &[(&str, &[&str])], facts: Facts) -> String {
    let mut out = String::new();
    for (text, by) in list {
        let mut g = Graph::new();
        declared(&mut g, facts);
        let y = g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
        let value = printed(&mut g, y);
        let _ = writeln!(out, "{text}\n    y = {value}");
        for name in *by {
            let x = g.find_input(name).unwrap();
            let derivative = g.jacobian(y, x).unwrap();
            let shown = printed(&mut g, derivative);
            let _ = writeln!(out, "    dy/d{name} = {shown}");
        }
        out.push('\n');
    }
    out
}

#[test]
fn of_numbers() {
    golden_text!("rules", "textbook_numbers", &page(NUMBERS, Facts::default()));
}

#[test]
fn of_tensors() {
    golden_text!("rules", "textbook_tensors", &page(TENSORS, Facts::default()));
}

/// The same, where every input is declared positive: roots, logarithms and absolute values open.
#[test]
fn of_positive_numbers() {
    let positive = Facts { positive: true, ..Facts::default() };
    let list: &[(&str, &[&str])] = &[
        ("sqrt(x^2)", &["x"]),
        ("abs(x) + sign(x)", &["x"]),
        ("relu(x)*y", &["x"]),
        ("exp(log(x))", &["x"]),
        ("log(x^2)", &["x"]),
        ("log(1/x)", &["x"]),
        ("log(x^y)", &["x", "y"]),
        ("(x^y)^s", &["x"]),
        ("x^y * x^s", &["x", "y"]),
        ("x^2 * (1/x)", &["x"]),
        ("1/(1/x)", &["x"]),
        ("sqrt(x)*sqrt(x)", &["x"]),
        ("sum(i, sqrt(u[i]^2))", &["u"]),
        ("sum(i, abs(u[i]*exp(v[i])))", &["u"]),
    ];
    golden_text!("rules", "textbook_positive", &page(list, positive));
}

/// The composites of networks: attention and layer normalisation.
#[test]
fn of_layers() {
    let mut out = String::new();
    let mut g = Graph::new();
    declared(&mut g, Facts::default());
    for (name, shape) in [("q", ["m", "d"]), ("k", ["n", "d"]), ("w", ["n", "p"])] {
        g.input(name, Type::real(shape.map(Dim::from))).unwrap();
    }
    let list: &[(&str, &str, &[&str])] = &[
        ("scores", "o[i,j] = sum(c, q[i,c]*k[j,c])/sqrt(d)", &["q", "k"]),
        (
            "attention",
            "o[i,c] = sum(j, exp(sum(e, q[i,e]*k[j,e]))/sum(l, exp(sum(e, q[i,e]*k[l,e])))*w[j,c])",
            &["w", "q"],
        ),
        ("mean", "sum(i, u[i])/n", &["u"]),
        ("centred", "o[i] = u[i] - sum(j, u[j])/n", &["u"]),
        ("variance", "sum(i, (u[i] - sum(j, u[j])/n)^2)/n", &["u"]),
        ("layer norm", "o[i] = (u[i] - sum(j, u[j])/n)/sqrt(sum(k, (u[k] - sum(j, u[j])/n)^2)/n)", &["u"]),
    ];
    for (what, text, by) in list {
        let y = g.form(text, &[]).unwrap_or_else(|e| panic!("{what}: {e}"));
        let value = printed(&mut g, y);
        let _ = writeln!(out, "{what}\n    y = {value}");
        for name in *by {
            let x = g.find_input(name).unwrap();
            let derivative = g.jacobian(y, x).unwrap();
            let shown = printed(&mut g, derivative);
            let _ = writeln!(out, "    dy/d{name} = {shown}");
        }
        out.push('\n');
    }
    golden_text!("rules", "textbook_layers", &out);
}
