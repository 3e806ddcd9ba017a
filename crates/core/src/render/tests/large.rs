//! Sharing: nothing prints a tree of exponential size, and no stack is as deep as the graph.

use super::{index, real};
use crate::graph::Graph;
use crate::ops::map::{EXP, SIN};
use crate::render::Printer;
use crate::shape::Type;
use std::time::{Duration, Instant};

#[test]
fn sixty_squarings_are_sixty_lines_at_most() {
    let mut g = Graph::new();
    let mut y = g.input("x", Type::scalar()).unwrap();
    for _ in 0..60 {
        y = g.multiply(y, y).unwrap();
    }
    let start = Instant::now();
    let text = Printer::new(&g).index_text(y);
    assert!(start.elapsed() < Duration::from_millis(50));
    assert!(text.definitions.len() <= 60 && text.to_string().len() < 1000, "{text}");
}

#[test]
fn doublings_share_every_level() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let mut y = x;
    for _ in 0..60 {
        let e = g.map(&EXP, &[y]).unwrap();
        let s = g.map(&SIN, &[y]).unwrap();
        y = g.multiply(e, s).unwrap();
    }
    let start = Instant::now();
    let text = Printer::new(&g).index_text(y);
    let latex = Printer::new(&g).index_latex(y);
    assert!(start.elapsed() < Duration::from_millis(50));
    assert!(text.to_string().len() < 10_000, "{text}");
    assert_eq!(text.definitions.len(), latex.definitions.len());
    assert_eq!(text.definitions[0], ("t1".into(), "exp(exp(x) * sin(x)) * sin(exp(x) * sin(x))".into()));
}

#[test]
fn a_chain_of_a_million_prints_on_a_small_stack() {
    let print = || {
        let mut g = Graph::new();
        let mut y = g.input("x", Type::scalar()).unwrap();
        for _ in 0..500_000 {
            let e = g.map(&SIN, &[y]).unwrap();
            y = g.add(e, y).unwrap();
        }
        let printer = Printer::new(&g).max_definitions(10);
        (printer.index_text(y), printer.vector_text(y).unwrap(), printer.index_latex(y))
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(print).unwrap();
    let (text, whole, latex) = thread.join().unwrap();
    assert_eq!((text.definitions.len(), whole.definitions.len(), latex.definitions.len()), (10, 10, 10));
    assert!(text.omitted > 1000);
    assert!(text.to_string().contains("definitions are left out (at most 10 are printed)"), "{text}");
}

#[test]
fn small_subterms_are_repeated_and_larger_ones_named() {
    let mut g = Graph::new();
    let (w, x, b) = (real(&mut g, "w", &["n"]), real(&mut g, "x", &["n"]), real(&mut g, "b", &[]));
    let product = g.dot(w, x).unwrap();
    let sum = g.add(product, b).unwrap();
    let y = g.map(&crate::ops::map::SIGMOID, &[sum]).unwrap();
    let slope = g.gradient(y, &[b]).unwrap()[0];
    assert_eq!(index(&g, slope), "t1 * (1 - t1)\n  where t1 = sigmoid(sum(i, w[i]*x[i]) + b)");
    let z = real(&mut g, "z", &[]);
    let y = g.map(&crate::ops::map::TANH, &[z]).unwrap();
    let slope = g.gradient(y, &[z]).unwrap()[0];
    assert_eq!(index(&g, slope), "1 - tanh(z)^2");
}
