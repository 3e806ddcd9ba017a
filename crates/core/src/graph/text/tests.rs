//! Graphs that are printed and read back, and texts that are refused.

use super::*;
use crate::error::Error;
use crate::graph::Graph;
use crate::graph::function::Function;
use crate::graph::op::{Facts, Literal};
use crate::node::NodeId;
use crate::rational::Rational;
use crate::shape::{Dim, Type};

/// A graph with every kind of node.
fn everything() -> (Graph, Vec<NodeId>) {
    let mut g = Graph::new();
    let facts = Facts { symmetric: true, positive: true, ..Facts::default() };
    let a = g.input_with("A", Type::real(["n", "n"]), facts).unwrap();
    g.input("x y\"\n\u{e9}", Type::real(["batch size"])).unwrap();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let v = g.input("V", Type::real(["m", "n"])).unwrap();
    g.input("t", Type::index("n", ["k"])).unwrap();
    g.input("y", Type::index("n", [0i64; 0])).unwrap();
    g.input("p", Type::boolean(["n"])).unwrap();
    let fresh = g.fresh_input("h", Type::real(["n"]));
    let mut outputs = vec![fresh];
    for text in [
        "sum(j, V[i,j]*x[j])",
        "sum(i,j, A[i,j]^3*x[i]*[i <= j]*(1/3))",
        "x[i]*[p[i]]*[x[i] > 0] + 2*x[i] - 7/2*pi*n",
        "x[t[i]]*delta(i, t[i])",
        "delta(i, y)*x[i]",
        "x[i] if x[i] > x[0] else exp(x[i])",
        "o[i=0..m*n-1] = V[i div n, i mod n]",
        "o[i=0..n-2] = x[i+1]*x[n-1-i]",
        "sum(i=0..n-1, max(j, A[i,j]) - min(j, A[j,i])*prod(j, x[j]))",
        "argmax(j, A[i,j])",
        "exp(x[i])/sum(j, exp(x[j]))",
        "log(sum(j, exp(A[i,j])))",
        "pow(x[i], 0.5)*[not x[i] == 3]",
    ] {
        outputs.push(g.form(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}")));
    }
    let values = [
        0.1,
        -0.0,
        f64::NAN,
        f64::from_bits(0x7ff8_0000_0000_0001),
        f64::INFINITY,
        f64::MIN_POSITIVE / 2.0,
        1e300,
        3.0,
    ];
    let literal = g.literal(Literal::real(&[2, 4], values).unwrap());
    let inverse = g.linear(Linear::Inverse, &[a]).unwrap();
    let solve = g.linear(Linear::Solve, &[a, x]).unwrap();
    let sort = g.sort(x, 0).unwrap();
    let others = g.exclusive_prod(x, 0).unwrap();
    let tag = g.tag("h 1", others);
    let stop = g.stop_gradient(tag);
    let checkpoint = g.checkpoint(stop);
    let zero = g.zero(Type::real(["n"]));
    let integers = g.literal(Literal::integer(&[3], [1, -5, 2]).unwrap());
    let empty = g.literal(Literal::integer(&[0], []).unwrap());
    let equal = g.compare(Comparison::Equal, integers, integers).unwrap();
    let either = g.logic(Logic::Or, &[equal, equal]).unwrap();
    let size = g.size(&(Dim::size("n") * Dim::size("n") * Dim::size("m") - Dim::fixed(2)));
    let kron = g.kron(v, v).unwrap();
    outputs.extend([literal, inverse, solve, sort, checkpoint, zero, empty, either, size, kron]);
    outputs.push(nested(&mut g, x));
    outputs.extend(scans(&mut g, x, v));
    g.name(v, "weights");
    g.name(tag, "tagged\t");
    (g, outputs)
}

/// A function whose body applies softmax and a function.
fn nested(g: &mut Graph, x: NodeId) -> NodeId {
    let mut inner = Graph::new();
    let z = inner.input("z", Type::real(["n"])).unwrap();
    let s = inner.softmax(z, &[0]).unwrap();
    let inner = Function {
        name: "inner".into(),
        composite: None,
        axes: vec![],
        body: inner,
        formals: vec![z],
        output: s,
    };
    let mut outer = Graph::new();
    let z = outer.input("z", Type::real(["n"])).unwrap();
    let once = outer.apply(inner.clone(), &[z]).unwrap();
    let output = outer.apply(inner, &[once]).unwrap();
    let outer = Function {
        name: "outer".into(),
        composite: None,
        axes: vec![],
        body: outer,
        formals: vec![z],
        output,
    };
    g.apply(outer, &[x]).unwrap()
}

/// Two carries, one of them through a scan in each step, and a step that is used twice.
fn scans(g: &mut Graph, x: NodeId, v: NodeId) -> Vec<NodeId> {
    let (m, n) = (Dim::size("m"), Dim::size("n"));
    let mut made = Vec::new();
    for backward in [false, true] {
        let zero = g.integer(0);
        let both =
            g.recurrence("a \"step\"", &m, backward, &[("h", x), ("c", zero)], &[("v", v)], |g, h, v| {
                let s = g.softmax(v[0], &[0])?;
                let inner = g.recurrence("inner", &n, true, &[("p", h[1])], &[("s", s)], |g, p, s| {
                    Ok(vec![g.multiply(p[0], s[0])?])
                })?[0];
                let total = g.sum_all(inner)?;
                Ok(vec![g.add(h[0], s)?, total])
            });
        made.extend(both.unwrap());
    }
    made
}

#[test]
fn every_kind_of_node_goes_there_and_back() {
    let (g, outputs) = everything();
    let text = g.to_text(&outputs);
    let (read, again) = Graph::from_text(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(read.to_text(&again), text);
    for (&a, &b) in outputs.iter().zip(&again) {
        assert_eq!(g.structural_hash(a), read.structural_hash(b));
        assert_eq!(g.ty(a), read.ty(b));
    }
    let whole = g.to_text(&[]);
    let (read, outputs) = Graph::from_text(&whole).unwrap();
    assert!(outputs.is_empty());
    assert_eq!((read.len(), read.to_text(&[])), (g.len(), whole));
}

fn refused(lines: &str) -> String {
    Graph::from_text(&format!("chainrule-graph 1\n{lines}")).err().expect(lines).to_string()
}

#[test]
fn what_is_not_a_graph_is_refused_with_its_line() {
    assert!(
        Graph::from_text("").err().unwrap().to_string().contains("line 1: `chainrule-graph 2` is expected")
    );
    let newer = Graph::from_text("chainrule-graph 3\n").err().unwrap().to_string();
    assert!(newer.contains("line 1: this text is of version 3; versions up to 2 are read here"));
    let x = "%0 : real[n] = input \"x\"\n";
    for (line, message) in [
        ("frobnicate %0", "line 3: `frobnicate` begins no line here"),
        ("%1 : real[n] = frobnicate %0", "line 3: `frobnicate` is no operation"),
        ("%1 : real[n] = map frob %0", "line 3: `frob` is no elementwise function"),
        ("%2 : real[n] = map exp %0", "line 3: nodes are numbered in order: %1 is expected"),
        ("%1 : real[n] = map exp %1", "line 3: %1 is not defined before this line"),
        ("%1 : real[m] = map exp %0", "line 3: this is real[n], not real[m]"),
        ("%1 : real[n] = map exp %0 %0", "line 3: exp takes 1 operands, 2 given"),
        ("%1 : real[n] = sum 1*%0", "line 3: this sum has a simpler form"),
        ("%1 : real[n] = sum 1*%0 1*%0", "line 3: this sum has a simpler form"),
        ("%1 : real[n] = input \"x\"", "line 3: input x is declared before"),
        (
            "%1 : real[n] = input \"x\" copy 1\n%2 : real[n] = input \"x\" copy 1",
            "line 4: this is an earlier node, or has a simpler form",
        ),
        ("%1 : real[n] = contract [n|] %0[#1]", "line 3: there is no label #1"),
        (
            "%1 : real[n] = contract [n|] %0",
            "line 3: %0 is real[n]: a real entry at 0 positions is read here",
        ),
        ("%1 : real[n] = contract [n|n] %0[#0]", "line 3: #1 is summed, but nothing mentions it"),
        ("%1 : real[n] = contract [n|] %0[%0[#0]]", "line 3: %0 is real[n]: a integer entry"),
        ("%1 : real[n] = contract [n|] %0[div(#0;0)]", "line 3: a position is divided by a positive size"),
        ("%1 : real[] = reduce max 1 %0", "line 3: `max` over axis 1"),
        ("%1 : real[] = rational 0", "line 3: a rational number p/q other than 0 is expected"),
        ("%1 : real[2] = literal 1.0", "line 3: 1 entries do not fill this shape"),
        ("%1 : real[n] = named f0 %0", "line 3: f0 is not defined before"),
        ("end", "line 3: `end` without `function`"),
        ("output %0 %0", "line 3: nothing is expected after"),
    ] {
        let found = refused(&format!("{x}{line}"));
        assert!(found.contains(message), "{line}\n  {found}\n  {message}");
    }
}

/// What is written is of the first version that knows its words, and older texts are read.
#[test]
fn only_scans_need_the_second_version() {
    let (g, outputs) = everything();
    let is_plain = |o: &&NodeId| g.reachable(&[**o]).iter().all(|&n| g.as_scan(n).is_none());
    let plain: Vec<NodeId> = outputs.iter().filter(is_plain).copied().collect();
    assert!(g.to_text(&plain).starts_with("chainrule-graph 1\n"));
    assert!(g.to_text(&outputs).starts_with("chainrule-graph 2\n"));
    let step = "step s0 \"cell\" inputs 0\n%0 : real[] = input \"h\"\nformals %0\noutput %0\nend\n";
    let first = "%0 : real[] = input \"x\"\n";
    let read = |version: u64, lines: &str| {
        Graph::from_text(&format!("chainrule-graph {version}\n{step}{first}{lines}"))
            .map_err(|e| e.to_string())
    };
    assert!(read(1, "").err().unwrap().contains("line 2: `step` begins no line here"));
    assert!(read(2, "%1 : real[3] = scan s0 carry 0 length 3 backward %0\noutput %1").is_ok());
    for (line, message) in [
        ("%1 : real[3] = scan s1 carry 0 length 3 %0", "line 8: s1 is not defined before"),
        ("%1 : real[3] = scan s0 carry 1 length 3 %0", "line 8: s0 has 1 carries, counted from 0"),
        ("%1 : real[2] = scan s0 carry 0 length 3 %0", "line 8: this is real[3], not real[2]"),
        (
            "%1 : real[3] = scan s0 carry 0 length 3",
            "line 8: scan of cell: it takes 1 operands, and 0 are given",
        ),
        (
            "%1 : real[n] = scan s0 carry 0 length -n %0",
            "line 8: scan of cell: it cannot be applied -n times",
        ),
        ("%1 : real[3] = scan s0 carry 0 steps 3 %0", "line 8: `length` is expected"),
    ] {
        let found = read(2, line).err().unwrap();
        assert!(found.contains(message), "{line}\n  {found}\n  {message}");
    }
    let open = "chainrule-graph 2\nstep s0 \"cell\" inputs 0\n%0 : real[] = input \"h\"\n%1 : real[] = input \"w\"\n%2 : real[] = sum 1*%0 1*%1\nformals %0\noutput %2\nend\n";
    let found = Graph::from_text(open).err().unwrap().to_string();
    assert!(found.contains("its body reads the input w, which is none of its formals"), "{found}");
}

#[test]
fn mutations_of_valid_texts_never_panic() {
    let (g, outputs) = everything();
    let text = g.to_text(&outputs);
    let lines: Vec<&str> = text.lines().collect();
    let pieces = [
        "%",
        "#",
        "0",
        "9999999999999999999",
        "[",
        "]",
        "(",
        ")",
        "-",
        "n",
        "*",
        "^",
        "\"",
        "where zero(#0)",
        " ",
        "\\",
        "é",
        "|",
        "f0",
        "s0",
        "scan",
        "-9223372036854775808",
    ];
    let mut random = Random(11);
    for _ in 0..20_000 {
        let mut mutated: Vec<String> = lines.iter().map(|l| (*l).to_string()).collect();
        for _ in 0..=random.below(2) {
            let k = random.below(mutated.len());
            match random.below(4) {
                0 => drop(mutated.remove(k)),
                1 => mutated[k] = mutated[random.below(lines.len()).min(mutated.len() - 1)].clone(),
                _ => {
                    let line = mutated[k].clone();
                    let places: Vec<usize> =
                        line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
                    let (a, b) = (places[random.below(places.len())], places[random.below(places.len())]);
                    let (a, b) = (a.min(b), if random.below(2) == 0 { a.max(b) } else { a.min(b) });
                    mutated[k] =
                        format!("{}{}{}", &line[..a], pieces[random.below(pieces.len())], &line[b..]);
                }
            }
        }
        if let Ok((read, outputs)) = Graph::from_text(&mutated.join("\n")) {
            let text = read.to_text(&outputs);
            let (again, outputs) = Graph::from_text(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(again.to_text(&outputs), text);
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn a_chain_of_a_million_operations_costs_no_stack() {
    let mut g = Graph::new();
    let x = g.input("x", Type::scalar()).unwrap();
    let mut y = x;
    for _ in 0..500_000 {
        y = g.map_plain(&crate::ops::map::SIN, &[y]);
        y = g.sum(&[(Rational::from(2), y), (Rational::from(1), x)], Type::scalar()).unwrap();
    }
    let text = g.to_text(&[y]);
    let (read, outputs) = Graph::from_text(&text).unwrap();
    assert_eq!(read.len(), g.len());
    assert_eq!(read.structural_hash(outputs[0]), g.structural_hash(y));
    assert_eq!(read.to_text(&outputs), text);
}

#[test]
fn functions_nest_without_limit_and_terms_up_to_a_bound() {
    let mut text = String::from("chainrule-graph 1\n");
    for k in 0..70 {
        let line = if k == 0 { "map exp %0".to_string() } else { format!("named f{} %0", k - 1) };
        text.push_str(&format!("function f{k} \"f{k}\"\n%0 : real[] = input \"x\"\n%1 : real[] = {line}\nformals %0\noutput %1\nend\n"));
    }
    text.push_str("%0 : real[] = input \"x\"\n%1 : real[] = named f69 %0\noutput %1\n");
    let (read, outputs) = Graph::from_text(&text).unwrap();
    assert_eq!(read.to_text(&outputs), text);
    let deep = format!("%0 : real[n] = contract [n|] where zero({}#0", "div(".repeat(100_000));
    assert!(matches!(Graph::from_text(&format!("chainrule-graph 1\n{deep}")), Err(Error::Syntax { .. })));
}
