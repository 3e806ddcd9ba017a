//! Every derivative of a scan against that of the same steps written out.

use super::*;
use crate::derive::{Derivation, Schedule, steps::Recorder};
use crate::eval::Bindings;
use crate::graph::op::{Comparison, Linear};
use crate::index::Term;
use crate::ops::map::{SIGMOID, TANH};
use crate::tensor::{Tensor, Value};

/// Inputs of a program: name, type, and whether derivatives by it are tried.
type Inputs = &'static [(&'static str, &'static [i64], bool)];

/// A recurrence of a given length; its operands are inputs, `x…` with a first axis of the length.
struct Program {
    name: &'static str,
    inputs: Inputs,
    build: Build,
}

/// Builds the trajectories of so many steps, backward or not, of the inputs.
type Build = fn(&mut Graph, &Dim, bool, &[NodeId]) -> Result<Vec<NodeId>>;

/// Stands for the length of the recurrence.
const N: i64 = -1;

static PROGRAMS: &[Program] = &[
    Program {
        name: "linear",
        inputs: &[("h0", &[], true), ("x", &[N], true), ("a", &[], true)],
        build: |g, n, back, v| {
            g.recurrence("decay", n, back, &[("h", v[0])], &[("x", v[1])], |g, h, x| {
                let kept = g.multiply(v[2], h[0])?;
                Ok(vec![g.add(kept, x[0])?])
            })
        },
    },
    Program {
        name: "cell",
        inputs: &[("h0", &[3], true), ("x", &[N, 3], true), ("W", &[3, 3], true)],
        build: |g, n, back, v| {
            g.recurrence("cell", n, back, &[("h", v[0])], &[("x", v[1])], |g, h, x| {
                let kept = g.dot(v[2], h[0])?;
                let sum = g.add(kept, x[0])?;
                Ok(vec![g.map(&TANH, &[sum])?])
            })
        },
    },
    Program {
        name: "two carries, labels, a shared gate",
        inputs: &[("h0", &[2], true), ("c0", &[2], true), ("k", &[N], false), ("E", &[3, 2], true)],
        build: |g, n, back, v| {
            g.recurrence("gated", n, back, &[("h", v[0]), ("c", v[1])], &[("k", v[2])], |g, s, k| {
                let row = g.gather(v[3], k[0])?;
                let sum = g.add(row, s[0])?;
                let gate = g.map(&SIGMOID, &[sum])?;
                let kept = g.multiply(gate, s[1])?;
                let c = g.add(kept, row)?;
                let shown = g.map(&TANH, &[c])?;
                Ok(vec![g.multiply(gate, shown)?, c])
            })
        },
    },
    Program {
        name: "carries that stand still, forget, and do not meet",
        inputs: &[
            ("a0", &[], true),
            ("b0", &[], true),
            ("c0", &[2], true),
            ("x", &[N], true),
            ("w", &[2], true),
        ],
        build: |g, n, back, v| {
            let carries = [("a", v[0]), ("b", v[1]), ("c", v[2])];
            g.recurrence("apart", n, back, &carries, &[("x", v[3])], |g, s, x| {
                let square = g.multiply(x[0], x[0])?;
                let scaled = g.multiply(s[2], v[4])?;
                Ok(vec![s[0], square, scaled])
            })
        },
    },
    Program {
        name: "solve, softmax, choice and a largest entry",
        inputs: &[("h0", &[2], true), ("x", &[N, 2], true), ("M", &[2, 2], true)],
        build: |g, n, back, v| {
            g.recurrence("mixed", n, back, &[("h", v[0])], &[("x", v[1])], |g, h, x| {
                let solved = g.linear(Linear::Solve, &[v[2], x[0]])?;
                let share = g.softmax(h[0], &[0])?;
                let top = g.reduce(crate::graph::op::Reduction::Max, h[0], 0)?;
                let p = g.compare(Comparison::Greater, x[0], share)?;
                let chosen = g.select(p, solved, share)?;
                let scaled = g.multiply(chosen, top)?;
                Ok(vec![g.add(scaled, h[0])?])
            })
        },
    },
    Program {
        name: "products of other entries, a matrix carry",
        inputs: &[("P0", &[2, 2], true), ("x", &[N, 2], true)],
        build: |g, n, back, v| {
            g.recurrence("outer", n, back, &[("P", v[0])], &[("x", v[1])], |g, p, x| {
                let others = g.exclusive_prod(p[0], 1)?;
                let outer = g.outer(x[0], x[0])?;
                Ok(vec![g.add(others, outer)?])
            })
        },
    },
    Program {
        name: "a scan in each step",
        inputs: &[("h0", &[2], true), ("x", &[N], true), ("v", &[3], true)],
        build: |g, n, back, v| {
            let three = Dim::fixed(3);
            g.recurrence("outside", n, back, &[("h", v[0])], &[("x", v[1])], |g, h, x| {
                let inner =
                    g.recurrence("inside", &three, !back, &[("s", h[0])], &[("v", v[2])], |g, s, e| {
                        let kept = g.multiply(s[0], x[0])?;
                        let spread = g.broadcast(e[0], &[Dim::fixed(2)]);
                        let moved = g.add(kept, spread)?;
                        Ok(vec![g.map(&TANH, &[moved])?])
                    })?[0];
                let total = g.sum_axes(inner, &[0])?;
                Ok(vec![g.scale(&Rational::new(1, 2), total)])
            })
        },
    },
    Program {
        name: "labels in a scan in each step",
        inputs: &[("h0", &[], true), ("x", &[N], true), ("E", &[3], true), ("k", &[N, 2], false)],
        build: |g, n, back, v| {
            let two = Dim::fixed(2);
            g.recurrence("outside", n, back, &[("h", v[0])], &[("x", v[1]), ("k", v[3])], |g, h, x| {
                let inner =
                    g.recurrence("inside", &two, back, &[("s", h[0])], &[("k", x[1])], |g, s, k| {
                        let entry = g.gather(v[2], k[0])?;
                        let kept = g.multiply(s[0], x[0])?;
                        Ok(vec![g.add(kept, entry)?])
                    })?[0];
                let product = g.multiply(inner, inner)?;
                g.sum_all(product).map(|s| vec![s])
            })
        },
    },
];

/// A program with its inputs declared.
struct Built {
    g: Graph,
    inputs: Vec<NodeId>,
    real: Vec<NodeId>,
    scan: Vec<NodeId>,
    at: Bindings<f64>,
}

fn built(program: &Program, n: i64, backward: bool) -> Built {
    let mut g = Graph::new();
    let (mut inputs, mut real, mut at) = (Vec::new(), Vec::new(), Bindings::new());
    for (k, (name, shape, is_real)) in program.inputs.iter().enumerate() {
        let shape: Vec<i64> = shape.iter().map(|&d| if d == N { n } else { d }).collect();
        let sizes: Vec<usize> = shape.iter().map(|&d| d as usize).collect();
        let count: usize = sizes.iter().product();
        let node = if *is_real {
            let entry = |j: usize| {
                ((j * 7 + k * 5 + 3) % 11) as f64 / 8.0 - 0.6 + f64::from(u8::from(j.is_multiple_of(3))) * 0.3
            };
            at.bind(name, Value::Real(Tensor::new(&sizes, (0..count).map(entry).collect()).unwrap()));
            g.input(name, Type::real(shape)).unwrap()
        } else {
            let entry = |j: usize| (j * 5 + 1) as i64 % 3;
            at.bind(name, Value::Int(Tensor::new(&sizes, (0..count).map(entry).collect()).unwrap()));
            g.input(name, Type::index(3, shape)).unwrap()
        };
        inputs.push(node);
        if *is_real {
            real.push(node);
        }
    }
    let scan = (program.build)(&mut g, &Dim::fixed(n), backward, &inputs)
        .unwrap_or_else(|e| panic!("{}: {e}", program.name));
    Built { g, inputs, real, scan, at }
}

/// The trajectories with every scan written out, step by step.
fn unrolled(g: &mut Graph, outputs: &[NodeId]) -> Vec<NodeId> {
    g.rewrite(outputs, &mut |g, node, args| {
        let Some((scan, step)) = g.as_scan(node).map(|(s, step)| (s.clone(), step.clone())) else {
            return Ok(None);
        };
        let n = scan.length.as_fixed().expect("a fixed length");
        let carries = step.carries();
        let mut state = args[..carries].to_vec();
        let mut entries = vec![Vec::new(); n as usize];
        for taken in 0..n {
            let t = if scan.backward { n - 1 - taken } else { taken };
            let mut known = Vec::new();
            for (k, (&formal, &arg)) in step.formals().iter().zip(args).enumerate() {
                let value = if k < carries {
                    state[k]
                } else if k < carries + step.per_step() {
                    let shape = g.shape(arg)[1..].to_vec();
                    let rest = (0..shape.len()).map(|k| Term::label(Label(k as u32)));
                    let at = std::iter::once(Term::constant(t)).chain(rest).collect();
                    let made = g.rearranged(arg, shape, at)?;
                    // One position of the labels, whatever their bound is called.
                    assert_eq!(g.ty(made), step.body().ty(formal));
                    made
                } else {
                    arg
                };
                known.push((formal, value));
            }
            state = g.import(step.body(), step.outputs(), &known)?;
            state = unrolled(g, &state);
            entries[t as usize] = state.clone();
        }
        let carry = usize::from(scan.carry);
        let mut rows = Vec::new();
        for entry in &entries {
            rows.push(g.insert_axis(entry[carry], 0)?);
        }
        if rows.is_empty() {
            return Ok(Some(g.zero(g.ty(node).clone())));
        }
        g.concat(&rows, 0).map(Some)
    })
    .unwrap()
}

fn value(g: &Graph, node: NodeId, at: &Bindings<f64>) -> Vec<f64> {
    let values = g.evaluate(&[node], at).unwrap_or_else(|e| panic!("{e}"));
    values[0].real().unwrap().data().to_vec()
}

fn agree(g: &Graph, a: NodeId, b: NodeId, at: &Bindings<f64>, what: &str) {
    assert_eq!(g.shape(a), g.shape(b), "{what}");
    let (x, y) = (value(g, a, at), value(g, b, at));
    for (k, (x, y)) in x.iter().zip(&y).enumerate() {
        assert!((x - y).abs() <= 1e-9 * (1.0 + x.abs().max(y.abs())), "{what}: entry {k} is {x}, not {y}");
    }
}

/// Calls `check` on every program, length and direction.
fn everywhere(lengths: &[i64], check: impl Fn(&str, &mut Built)) {
    for program in PROGRAMS {
        for &n in lengths {
            for backward in [false, true] {
                let what = format!("{} {n} {}", program.name, if backward { "backward" } else { "forward" });
                check(&what, &mut built(program, n, backward));
            }
        }
    }
}

/// `Σ w · y` over all trajectories with weights that tell entries apart.
fn objective(g: &mut Graph, outputs: &[NodeId]) -> NodeId {
    let mut terms = Vec::new();
    for (k, &y) in outputs.iter().enumerate() {
        let square = g.power(y, 2);
        let both = g.add(y, square).unwrap();
        let running = g.cumsum(both, 0).unwrap();
        terms.push((Rational::new(k as i64 + 2, 3), g.sum_all(running).unwrap()));
    }
    g.sum(&terms, Type::scalar()).unwrap()
}

#[test]
fn values_are_those_of_the_steps_written_out() {
    everywhere(&[0, 1, 2, 7], |what, b| {
        let plain = unrolled(&mut b.g, &b.scan);
        for (&y, &z) in b.scan.iter().zip(&plain) {
            agree(&b.g, y, z, &b.at, what);
        }
    });
}

#[test]
fn gradients_are_those_of_the_steps_written_out() {
    everywhere(&[0, 1, 2, 7], |what, b| {
        let y = objective(&mut b.g, &b.scan);
        let plain = unrolled(&mut b.g, &[y])[0];
        let found = b.g.gradient(y, &b.real).unwrap();
        let expected = b.g.gradient(plain, &b.real).unwrap();
        for (&f, &e) in found.iter().zip(&expected) {
            agree(&b.g, f, e, &b.at, what);
        }
    });
}

#[test]
fn each_trajectory_alone_has_the_jacobian_of_its_steps() {
    everywhere(&[1, 3], |what, b| {
        for &y in &b.scan {
            let plain = unrolled(&mut b.g, &[y])[0];
            for &x in &b.real {
                let expected = b.g.jacobian(plain, x).unwrap();
                for schedule in [Schedule::Reverse, Schedule::Forward] {
                    let mut derivation = Derivation { schedule, ..Derivation::default() };
                    let found = derivation.jacobian(&mut b.g, y, x).unwrap();
                    agree(&b.g, found, expected, &b.at, &format!("{what} {schedule:?}"));
                }
            }
        }
    });
}

/// The entry that a step of a derivation records, against what the sweeps apply without forming it.
#[test]
fn the_materialised_entry_is_what_the_sweeps_apply() {
    everywhere(&[0, 3], |what, b| {
        for &y in &b.scan {
            for (k, x) in b.g.args(y).into_iter().enumerate() {
                if b.inputs.contains(&x) && b.real.contains(&x) {
                    let entry = b.g.local_jacobian(y, k).unwrap();
                    let applied = b.g.jacobian(y, x).unwrap();
                    agree(&b.g, entry, applied, &b.at, what);
                }
            }
        }
    });
}

#[test]
fn tangents_and_cotangents_pair() {
    everywhere(&[0, 1, 4], |what, b| {
        let tangents: Vec<NodeId> = b.real.clone();
        let y = objective(&mut b.g, &b.scan);
        let pushed = b.g.jvp(y, &b.real, &tangents).unwrap();
        let gradient = b.g.gradient(y, &b.real).unwrap();
        let mut terms = Vec::new();
        for (&g, &t) in gradient.iter().zip(&tangents) {
            let product = b.g.multiply(g, t).unwrap();
            terms.push((Rational::ONE, b.g.sum_all(product).unwrap()));
        }
        let paired = b.g.sum(&terms, Type::scalar()).unwrap();
        agree(&b.g, pushed, paired, &b.at, what);
    });
}

#[test]
fn second_derivatives_are_those_of_the_steps_written_out() {
    everywhere(&[0, 1, 3], |what, b| {
        let y = objective(&mut b.g, &b.scan);
        let plain = unrolled(&mut b.g, &[y])[0];
        for &x in &b.real {
            let found = b.g.hessian(y, x).unwrap();
            let expected = b.g.hessian(plain, x).unwrap();
            agree(&b.g, found, expected, &b.at, what);
            let found = b.g.hvp(y, x, x).unwrap();
            let expected = b.g.hvp(plain, x, x).unwrap();
            agree(&b.g, found, expected, &b.at, what);
        }
        let (a, z) = (b.real[0], b.real[1]);
        let found = b.g.mixed(y, a, z).unwrap();
        let expected = b.g.mixed(plain, a, z).unwrap();
        agree(&b.g, found, expected, &b.at, what);
    });
}

/// An independent route: neither side knows a rule.
#[test]
fn gradients_are_what_differences_say() {
    everywhere(&[2], |what, b| {
        if what.starts_with("solve") {
            return; // The choice in it is near its kink.
        }
        let y = objective(&mut b.g, &b.scan);
        let gradients = b.g.gradient(y, &b.real).unwrap();
        for (&x, &gradient) in b.real.iter().zip(&gradients) {
            let name = b.g.as_input(x).unwrap().name.to_string();
            let found = value(&b.g, gradient, &b.at);
            for (k, found) in found.iter().enumerate() {
                let moved = |h: f64| {
                    let mut at = b.at.clone();
                    let mut tensor = at.get(&name).unwrap().real().unwrap().clone();
                    tensor.data_mut()[k] += h;
                    at.bind(&name, Value::Real(tensor));
                    value(&b.g, y, &at)[0]
                };
                let h = 1e-5;
                let difference = (moved(h) - moved(-h)) / (2.0 * h);
                let close = (found - difference).abs() <= 1e-6 * (1.0 + difference.abs());
                assert!(close, "{what}: d/d{name}[{k}] is {found}, differences say {difference}");
            }
        }
    });
}

/// The length is a size: one graph for all lengths, none included.
#[test]
fn a_named_length_is_told_by_the_inputs() {
    let mut g = Graph::new();
    let n = Dim::size("n");
    let [a, h0] = ["a", "h0"].map(|name| g.input(name, Type::scalar()).unwrap());
    let x = g.input("x", Type::real(["n"])).unwrap();
    let h = g
        .recurrence("decay", &n, false, &[("h", h0)], &[("x", x)], |g, h, x| {
            let kept = g.multiply(a, h[0])?;
            Ok(vec![g.add(kept, x[0])?])
        })
        .unwrap()[0];
    let last = g.last_carry(h0, h).unwrap();
    let gradient = g.gradient(last, &[a, h0, x]).unwrap();
    for (entries, expected) in
        [(vec![], [0.0, 1.0]), (vec![5.0], [3.0, 0.5]), (vec![5.0, 7.0], [3.0 * 0.5 + 6.5, 0.25])]
    {
        let count = entries.len();
        let at = Bindings::new()
            .with("a", Tensor::scalar(0.5))
            .with("h0", Tensor::scalar(3.0))
            .with("x", Tensor::vector(entries));
        assert_eq!(value(&g, gradient[0], &at), [expected[0]]);
        assert_eq!(value(&g, gradient[1], &at), [expected[1]]);
        assert_eq!(value(&g, gradient[2], &at), [0.5, 1.0][2 - count..]);
    }
}

/// The weight is used at every step, and its gradient is one sum over positions: nothing holds a matrix for each.
#[test]
fn the_gradient_of_a_weight_stores_no_matrix_for_each_step() {
    let (n, d) = (40, 32);
    let program = Program {
        inputs: &[("h0", &[32], true), ("x", &[N, 32], true), ("W", &[32, 32], true)],
        ..PROGRAMS_CELL
    };
    let mut b = built(&program, n, false);
    let y = objective(&mut b.g, &b.scan);
    let gradient = b.g.gradient(y, &[b.real[2]]).unwrap();
    let options = crate::eval::Options::default();
    let stored = b.g.evaluate_with(&gradient, &b.at, &options).unwrap().stored;
    assert!(stored < (n * d * d) as usize, "{stored} numbers");
}

const PROGRAMS_CELL: Program = Program {
    name: "cell",
    inputs: &[],
    build: |g, n, back, v| {
        g.recurrence("cell", n, back, &[("h", v[0])], &[("x", v[1])], |g, h, x| {
            let kept = g.dot(v[2], h[0])?;
            let sum = g.add(kept, x[0])?;
            Ok(vec![g.map(&TANH, &[sum])?])
        })
    },
};

#[test]
fn a_recorded_derivation_has_a_step_for_the_scan() {
    let mut b = built(&PROGRAMS[1], 3, false);
    let y = objective(&mut b.g, &b.scan);
    let mut recorder = Recorder::new();
    let mut derivation = Derivation { recorder: Some(&mut recorder), ..Derivation::default() };
    derivation.gradient(&mut b.g, y, &b.real).unwrap();
    let scans: Vec<_> = recorder.steps.iter().filter(|s| s.rule == "scan").collect();
    assert_eq!(scans.len(), 3);
    for step in scans {
        let expected = b.g.local_jacobian(step.node, step.operand).unwrap();
        agree(&b.g, step.entry, expected, &b.at, "recorded");
    }
}

/// A replaced rule is replayed inside the steps, and a replaced rule of the scan itself is used.
#[test]
fn replaced_rules_are_used_inside_and_for_the_scan() {
    let mut b = built(&PROGRAMS[1], 3, false);
    let y = objective(&mut b.g, &b.scan);
    let plain = unrolled(&mut b.g, &[y])[0];
    let wrong = || {
        Rules::new().replace("tanh", |_, _, _, entry| {
            Ok(entry.into_iter().map(|p| p.scaled(&Rational::from(3))).collect())
        })
    };
    let rules = wrong();
    let mut derivation = Derivation { rules: Some(&rules), ..Derivation::default() };
    let found = derivation.gradient(&mut b.g, y, &b.real).unwrap();
    let expected = derivation.gradient(&mut b.g, plain, &b.real).unwrap();
    for (&f, &e) in found.iter().zip(&expected) {
        agree(&b.g, f, e, &b.at, "replaced tanh");
    }
    let rules = Rules::new().replace("scan", |_, _, _, entry| {
        Ok(entry.into_iter().map(|p| p.scaled(&Rational::from(3))).collect())
    });
    let right = b.g.gradient(y, &b.real).unwrap();
    let mut derivation = Derivation { rules: Some(&rules), ..Derivation::default() };
    let found = derivation.gradient(&mut b.g, y, &b.real).unwrap();
    for (&f, &r) in found.iter().zip(&right) {
        let thrice = b.g.scale(&Rational::from(3), r);
        agree(&b.g, f, thrice, &b.at, "replaced scan");
    }
}

/// One derivation is one graph, whatever was built before.
#[test]
fn derivatives_do_not_depend_on_unrelated_nodes() {
    let hash = |unrelated: bool| {
        let mut b = built(&PROGRAMS[2], 3, false);
        if unrelated {
            let names = ["p", "q", "r"].map(|n| b.g.fresh_input(n, Type::scalar()));
            b.g.gradient(names[0], &names).unwrap();
        }
        let y = objective(&mut b.g, &b.scan);
        let gradient = b.g.gradient(y, &b.real).unwrap();
        let again = b.g.gradient(y, &b.real).unwrap();
        assert_eq!(gradient, again);
        gradient.iter().map(|&n| b.g.structural_hash(n)).collect::<Vec<_>>()
    };
    assert_eq!(hash(false), hash(true));
}

#[test]
fn a_chain_of_many_scans_is_derived_and_dropped() {
    let mut g = Graph::new();
    let one = Dim::ONE;
    let a = g.input("a", Type::scalar()).unwrap();
    let x = g.input("x", Type::real([1])).unwrap();
    let mut h = x;
    for _ in 0..10_000 {
        let start = g.zero(Type::scalar());
        h = g
            .recurrence("link", &one, false, &[("h", start)], &[("x", h)], |g, h, x| {
                let kept = g.multiply(a, x[0])?;
                Ok(vec![g.add(kept, h[0])?])
            })
            .unwrap()[0];
    }
    let y = g.sum_all(h).unwrap();
    let gradient = g.gradient(y, &[x]).unwrap()[0];
    let at = Bindings::new().with("a", Tensor::scalar(1.0)).with("x", Tensor::vector(vec![2.0]));
    assert_eq!(value(&g, gradient, &at), [1.0]);
    let text = g.to_text(&[gradient]);
    let (read, outputs) = Graph::from_text(&text).unwrap();
    assert_eq!(read.structural_hash(outputs[0]), g.structural_hash(gradient));
}

#[test]
fn what_does_not_fit_is_refused_in_its_own_words() {
    let mut g = Graph::new();
    let n = Dim::size("n");
    let h0 = g.input("h0", Type::real(["m"])).unwrap();
    let x = g.input("x", Type::real(["k"])).unwrap();
    let k = g.input("k", Type::index(3, ["n"])).unwrap();
    let number = g.integer(1);
    let message = |answer: Result<Vec<NodeId>>| answer.unwrap_err().to_string();
    let wrong = message(g.recurrence("cell", &n, false, &[("h", h0)], &[], |_, _, _| Ok(vec![number])));
    assert_eq!(
        wrong,
        "scan of cell: carry h is real[m], but the step gives real[]\n  help: a step gives each carry back in the type it had"
    );
    let wrong = message(g.recurrence("cell", &n, false, &[("h", h0)], &[], |_, _, _| Ok(vec![])));
    assert_eq!(
        wrong,
        "scan of cell: the step gives 0 results for 1 carry\n  help: a step gives each carry back, in order"
    );
    let wrong = message(g.recurrence("cell", &n, false, &[("h", h0)], &[("x", x)], |_, h, _| Ok(h.to_vec())));
    assert_eq!(
        wrong,
        "scan of cell: input x should have a first axis of n, not real[k]\n  help: each step reads one entry along the first axis; what every step reads alike is used inside the step as it is"
    );
    let wrong = message(g.recurrence("cell", &n, false, &[], &[("x", k)], |_, _, _| Ok(vec![])));
    assert_eq!(wrong, "scan of cell: a scan has at least one carry and at most 65535");
    let wrong = message(g.recurrence("cell", &n, false, &[("k", k)], &[], |_, h, _| Ok(h.to_vec())));
    assert_eq!(wrong, "scan of cell: carry k is index[3][n]; a carry is real");
    let two = Dim::fixed(-2);
    let wrong = message(g.recurrence("cell", &two, false, &[("h", h0)], &[], |_, h, _| Ok(h.to_vec())));
    assert_eq!(wrong, "scan of cell: it cannot be applied -2 times");
    let step = g.recurrence("cell", &n, false, &[("h", h0)], &[], |_, h, _| Ok(h.to_vec())).unwrap()[0];
    let step = g.as_scan(step).unwrap().1.clone();
    assert_eq!(
        message(g.scan(step.clone(), &n, false, &[])),
        "scan of cell: it takes 1 operands, and 0 are given"
    );
    assert_eq!(
        message(g.scan(step, &n, false, &[x])),
        "scan of cell: carry h should be real[m], not real[k]"
    );
    assert!(g.scan_nested(9).is_err() && g.scan_nested(8).is_ok());
    let deep = g.scan_nested(9).unwrap_err().to_string();
    assert!(deep.contains("scans nest 9 deep here, and at most 8"), "{deep}");
}

impl Graph {
    /// A scan of a scan of … of a number, each of one step.
    fn scan_nested(&mut self, depth: usize) -> Result<Vec<NodeId>> {
        let start = self.integer(1);
        self.scan_nested_in(depth, start)
    }

    fn scan_nested_in(&mut self, depth: usize, start: NodeId) -> Result<Vec<NodeId>> {
        self.recurrence("deep", &Dim::ONE, false, &[("h", start)], &[], |g, h, _| {
            if depth == 1 {
                return Ok(vec![g.multiply(h[0], h[0])?]);
            }
            let inner = g.scan_nested_in(depth - 1, h[0])?[0];
            g.sum_all(inner).map(|s| vec![s])
        })
    }
}

/// Every level reads a constant and the carry of the level around it.
#[test]
fn the_deepest_nest_is_derived() {
    fn level(g: &mut Graph, depth: usize, start: NodeId, a: NodeId) -> Result<NodeId> {
        let made = g.recurrence("deep", &Dim::ONE, false, &[("h", start)], &[], |g, h, _| {
            let moved = g.multiply(h[0], a)?;
            if depth == 1 {
                return Ok(vec![moved]);
            }
            let inner = level(g, depth - 1, moved, h[0])?;
            Ok(vec![inner])
        })?[0];
        g.sum_all(made)
    }
    let mut g = Graph::new();
    let [x, a] = ["x", "a"].map(|name| g.input(name, Type::scalar()).unwrap());
    let y = level(&mut g, crate::graph::step::MAX_NESTING, x, a).unwrap();
    let plain = unrolled(&mut g, &[y])[0];
    let at = Bindings::new().with("x", Tensor::scalar(1.25)).with("a", Tensor::scalar(0.75));
    agree(&g, y, plain, &at, "value");
    let (found, expected) = (g.gradient(y, &[x, a]).unwrap(), g.gradient(plain, &[x, a]).unwrap());
    for (&f, &e) in found.iter().zip(&expected) {
        agree(&g, f, e, &at, "gradient");
    }
}
