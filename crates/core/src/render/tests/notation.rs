//! Letters, parentheses, conditions, and every kind of node.

use super::{index, latex, matrix, real, vector};
use crate::form::{Access, Cond, Product};
use crate::graph::Graph;
use crate::graph::op::{Comparison, Linear, Literal, Logic, Reduction};
use crate::index::{Label, Term};
use crate::ops::map::{EXP, LOG, LOG1P, POW, RECIP, SQRT, TANH};
use crate::rational::Rational;
use crate::render::Printer;
use crate::shape::{Dim, Type};

fn l(k: u32) -> Term {
    Term::label(Label(k))
}

#[test]
fn letters_never_equal_a_name_that_occurs() {
    let mut g = Graph::new();
    let (i, j) = (real(&mut g, "i", &["k", "l"]), real(&mut g, "j", &["l"]));
    let y = g.dot(i, j).unwrap();
    assert_eq!(index(&g, y), "sum(n, i[m,n]*j[n])");
    assert_eq!(Printer::new(&g).free_letters(y), ["m"]);
    assert_eq!(Printer::new(&g).letters(&["i", "r", "s"]).index_text(y).body, "sum(s, i[r,s]*j[s])");
    g.name(i, "unused");
    let tagged = g.tag("m", y);
    let doubled = g.add(tagged, tagged).unwrap();
    assert_eq!(index(&g, doubled), "2*m[n]");
}

#[test]
fn definitions_never_equal_a_name_that_occurs() {
    let mut g = Graph::new();
    let (x, t1) = (real(&mut g, "x", &[]), real(&mut g, "t1", &[]));
    let mut y = g.add(x, t1).unwrap();
    for _ in 0..2 {
        let e = g.map(&EXP, &[y]).unwrap();
        y = g.multiply(e, y).unwrap();
    }
    assert!(index(&g, y).contains("where tt1 = "), "{}", index(&g, y));
}

#[test]
fn parentheses_are_as_few_as_the_grammar_allows() {
    let mut g = Graph::new();
    let (a, b, c) = (real(&mut g, "a", &[]), real(&mut g, "b", &[]), real(&mut g, "c", &[]));
    let sum = g.add(a, b).unwrap();
    let difference = g.sub(c, sum).unwrap();
    assert_eq!(index(&g, difference), "c - (a + b)");
    let longer = g.add(c, sum).unwrap();
    assert_eq!(index(&g, longer), "a + b + c");
    let product = g.multiply(sum, c).unwrap();
    assert_eq!(index(&g, product), "c * (a + b)");
    let negative = g.neg(product);
    assert_eq!(index(&g, negative), "-c * (a + b)");
    let square = g.power(sum, 2);
    assert_eq!(index(&g, square), "(a + b)^2");
    let quotient = g.divide(a, product).unwrap();
    assert_eq!(index(&g, quotient), "a / (c * (a + b))");
    let simple = g.divide(a, b).unwrap();
    assert_eq!(index(&g, simple), "a / b");
    let half = g.scale(&Rational::new(-3, 2), simple);
    assert_eq!(index(&g, half), "-3/2 * a / b");
    let product = g.multiply(b, c).unwrap();
    let quotient = g.divide(a, product).unwrap();
    assert_eq!((index(&g, quotient), latex(&g, quotient)), ("a / (b*c)".into(), r"\frac{a}{b c}".into()));
    let inverse = g.map(&RECIP, &[a]).unwrap();
    let inverse = g.power(inverse, 2);
    assert_eq!(index(&g, inverse), "1/a^2");
    let power = g.map(&POW, &[sum, negative]).unwrap();
    assert_eq!(index(&g, power), "(a + b)^(-c * (a + b))");
    assert_eq!(latex(&g, power), r"\left(a + b\right)^{-c \left(a + b\right)}");
    let root = g.map(&SQRT, &[a]).unwrap();
    let slope = g.gradient(root, &[a]).unwrap()[0];
    assert_eq!(
        (index(&g, slope), latex(&g, slope)),
        ("1 / (2 * sqrt(a))".into(), r"\frac{1}{2 \sqrt{a}}".into())
    );
}

#[test]
fn sums_stand_in_reading_order() {
    let mut g = Graph::new();
    let x = real(&mut g, "x", &[]);
    let (one, square) = (g.integer(1), g.power(x, 2));
    let difference = g.sub(one, square).unwrap();
    assert_eq!(index(&g, difference), "1 - x^2");
    let (twice, three) = (g.scale(&Rational::from(2), x), g.integer(3));
    let line = g.add(twice, three).unwrap();
    let parabola = g.add(square, line).unwrap();
    assert_eq!(index(&g, parabola), "x^2 + 2*x + 3");
}

#[test]
fn conditions_read_as_deltas_and_comparisons() {
    let mut g = Graph::new();
    let x = real(&mut g, "x", &["n"]);
    let entry = |at: Term| Product::one(["n".into(), "n".into()]).times(Access::new(x, [at]));
    let later = g.product(entry(l(1)).when(Cond::NonNegative(l(0) - l(1))));
    assert_eq!((index(&g, later), vector(&g, later)), ("x[j] * [i >= j]".into(), "-".into()));
    let strict = g.product(entry(l(1)).when(Cond::NonNegative(l(0) - l(1) - Term::constant(1))));
    assert_eq!(index(&g, strict), "x[j] * [i > j]");
    let shifted = g.product(entry(l(1)).when(Cond::delta(l(0), l(1) + Term::constant(1))));
    assert_eq!(index(&g, shifted), "delta(i,j+1) * x[j]");
    assert_eq!(latex(&g, shifted), r"\delta_{i,j+1} x_j");
    let padded = g.pad(x, 0, &Dim::ONE, &Dim::ONE).unwrap();
    assert_eq!(index(&g, padded), "x[i-1] * [i > 0] * [i <= n]");
    let reversed = g.reverse(x, 0).unwrap();
    assert_eq!((index(&g, reversed), latex(&g, reversed)), ("x[n-1-i]".into(), "x_{n-1-i}".into()));
    let t = g.input("t", Type::index("n", ["m"])).unwrap();
    let onehot = g.one_hot(t, &"n".into()).unwrap();
    assert_eq!((index(&g, onehot), vector(&g, onehot)), ("delta(j,t[i])".into(), "onehot(t)".into()));
    let gathered = g.gather(x, t).unwrap();
    assert_eq!((index(&g, gathered), latex(&g, gathered)), ("x[t[i]]".into(), "x_{t_i}".into()));
}

#[test]
fn predicates_are_negated_only_where_that_is_exact() {
    let mut g = Graph::new();
    let (x, zero) = (real(&mut g, "x", &["n"]), real(&mut g, "c", &[]));
    let above = g.compare(Comparison::Greater, x, zero).unwrap();
    let y = g.select(above, x, zero).unwrap();
    assert_eq!(index(&g, y), "x[i] if x[i] > c else c");
    assert_eq!(vector(&g, y), "x if x > c else c");
    let entry = Product::of(x, &[Dim::size("n")]);
    let masked = g.product(entry.clone().when(Cond::Holds(above, [l(0)].into_iter().collect(), true)));
    assert_eq!(
        (index(&g, masked), vector(&g, masked)),
        ("x[i] * [not x[i] > c]".into(), "x .* [not x > c]".into())
    );
    let equal = g.compare(Comparison::Equal, x, zero).unwrap();
    let masked = g.product(entry.when(Cond::Holds(equal, [l(0)].into_iter().collect(), true)));
    assert_eq!(index(&g, masked), "x[i] * [x[i] != c]");
    let none = g.integer(0);
    let below = g.compare(Comparison::Greater, none, x).unwrap();
    let both = g.logic(Logic::And, &[below, above]).unwrap();
    assert_eq!(index(&g, both), "x[i] < 0 and x[i] > c");
    let neither = g.logic(Logic::Not, &[both]).unwrap();
    assert_eq!(index(&g, neither), "not (x[i] < 0 and x[i] > c)");
    let none = g.zero(Type::real(["n"]));
    let y = g.select(above, x, none).unwrap();
    assert_eq!(latex(&g, y), r"\begin{cases} x_i & \text{if } x_i > c \\ 0 & \text{otherwise} \end{cases}");
}

#[test]
fn reductions_and_linear_algebra() {
    let mut g = Graph::new();
    let (x, a) = (real(&mut g, "x", &["m", "n"]), real(&mut g, "A", &["n", "n"]));
    let c = real(&mut g, "C", &["n"]);
    let top = g.reduce(Reduction::Max, x, 1).unwrap();
    assert_eq!((index(&g, top), vector(&g, top)), ("max(j, x[i,j])".into(), "max(x, axis=1)".into()));
    assert_eq!(latex(&g, top), r"\max_{j} x_{ij}");
    let at = g.argmax(x, 0).unwrap();
    assert_eq!(index(&g, at), "argmax(j, x[j,i])");
    let inverse = g.linear(Linear::Inverse, &[a]).unwrap();
    assert_eq!((index(&g, inverse), vector(&g, inverse)), ("inv(A)[i,j]".into(), "inv(A)".into()));
    assert_eq!(matrix(&g, inverse), "A^{-1}");
    let transposed = g.t(inverse).unwrap();
    assert_eq!(vector(&g, transposed), "inv(A)'");
    let solved = g.linear(Linear::Solve, &[a, c]).unwrap();
    assert_eq!(index(&g, solved), "solve(A, C)[i]");
    let gram = g.t(a).unwrap();
    let gram = g.dot(gram, a).unwrap();
    let det = g.linear(Linear::Det, &[gram]).unwrap();
    assert_eq!(
        (index(&g, det), latex(&g, det)),
        ("det(t1)\n  where t1[i,j] = sum(k, A[k,i]*A[k,j])".into(), r"\det \left(A^{\top} A\right)".into())
    );
    let lower = g.product(Product::of(a, &["n".into(), "n".into()]).when(Cond::NonNegative(l(0) - l(1))));
    let det = g.linear(Linear::Det, &[lower]).unwrap();
    assert_eq!(index(&g, det), "det(t1)\n  where t1[i,j] = A[i,j] * [i >= j]");
    let by_column = g.softmax(a, &[0]).unwrap();
    assert_eq!(vector(&g, by_column), "softmax(A, axis=0)");
}

#[test]
fn contractions_without_indices() {
    let mut g = Graph::new();
    let (a, b) = (real(&mut g, "A", &["n", "n"]), real(&mut g, "B", &["n", "n"]));
    let (x, y, s) = (real(&mut g, "x", &["n"]), real(&mut g, "y", &["n"]), real(&mut g, "s", &[]));
    let shape = || -> [Dim; 1] { ["n".into()] };
    let (i, j, k) = (l(0), l(1), l(2));
    let mut chain = Product::one(shape());
    chain.bind("n".into());
    chain.bind("n".into());
    let chain = chain
        .times(Access::new(a, [i.clone(), j.clone()]))
        .times(Access::new(b, [j.clone(), k.clone()]))
        .times(Access::new(x, [k]));
    let chain = g.product(chain);
    assert_eq!(index(&g, chain), "sum(j, sum(k, A[i,j]*B[j,k]*x[k]))");
    assert_eq!((vector(&g, chain), matrix(&g, chain)), ("A @ B @ x".into(), "A B x".into()));
    let ax = g.dot(a, x).unwrap();
    let quadratic = g.dot(x, ax).unwrap();
    assert_eq!((vector(&g, quadratic), matrix(&g, quadratic)), ("x @ A @ x".into(), r"x^{\top} A x".into()));
    let mut flat = Product::one([]);
    flat.bind("n".into());
    flat.bind("n".into());
    let flat = flat
        .times(Access::new(a, [i.clone(), j.clone()]))
        .times(Access::new(x, [i.clone()]))
        .times(Access::new(x, [j.clone()]));
    let flat = g.product(flat);
    assert_eq!(
        (index(&g, flat), vector(&g, flat)),
        ("sum(i, sum(j, x[i]*A[i,j]*x[j]))".into(), "x @ A @ x".into())
    );
    let xy = g.multiply(x, y).unwrap();
    assert_eq!((vector(&g, xy), matrix(&g, xy)), ("x .* y".into(), r"x \odot y".into()));
    let dot = g.sum_all(xy).unwrap();
    assert_eq!(vector(&g, dot), "x @ y");
    let total = g.sum_all(x).unwrap();
    assert_eq!(vector(&g, total), "sum(x)");
    let total = g.sum_all(a).unwrap();
    assert_eq!(vector(&g, total), "sum(A, axis=all)");
    let rows = g.sum_axes(a, &[1]).unwrap();
    let columns = g.sum_axes(a, &[0]).unwrap();
    assert_eq!((vector(&g, rows), vector(&g, columns)), ("sum(A, axis=1)".into(), "sum(A, axis=0)".into()));
    let trace = g.trace(a).unwrap();
    assert_eq!((index(&g, trace), vector(&g, trace)), ("sum(i, A[i,i])".into(), "trace(A)".into()));
    let bt = g.t(b).unwrap();
    let abt = g.dot(a, bt).unwrap();
    assert_eq!(vector(&g, abt), "A @ B'");
    let scaled = g.multiply(s, ax).unwrap();
    assert_eq!(vector(&g, scaled), "s * (A @ x)");
    let quotient = g.divide(x, y).unwrap();
    assert_eq!((index(&g, quotient), vector(&g, quotient)), ("x[i] / y[i]".into(), "x ./ y".into()));
    let d = g.diag(x).unwrap();
    let da = g.dot(d, a).unwrap();
    assert_eq!((index(&g, da), vector(&g, da)), ("x[i]*A[i,j]".into(), "diag(x) @ A".into()));
    let product = g.multiply(a, bt).unwrap();
    assert_eq!(vector(&g, product), "A .* B'");
    let outer = g.outer(x, y).unwrap();
    assert_eq!((vector(&g, outer), matrix(&g, outer)), ("outer(x, y)".into(), r"x y^{\top}".into()));
    let cube = g.outer(outer, x).unwrap();
    assert_eq!((index(&g, cube), vector(&g, cube)), ("x[i]*y[j]*x[k]".into(), "-".into()));
}

#[test]
fn second_derivatives_keep_their_structure() {
    let mut g = Graph::new();
    let (b, x) = (real(&mut g, "B", &["m", "n"]), real(&mut g, "x", &["n"]));
    let product = g.dot(b, x).unwrap();
    let tanh = g.map(&TANH, &[product]).unwrap();
    let y = g.sum_all(tanh).unwrap();
    let gradient = g.gradient(y, &[x]).unwrap()[0];
    assert_eq!(vector(&g, gradient), "B' @ (1 - tanh(B @ x)^2)");
    let hessian = g.hessian(y, x).unwrap();
    assert_eq!(vector(&g, hessian), "-2 * (B' @ diag(tanh(B @ x) .* (1 - tanh(B @ x)^2)) @ B)");
}

#[test]
fn independent_sums_stand_apart() {
    let mut g = Graph::new();
    let (x, y) = (real(&mut g, "x", &["n"]), real(&mut g, "y", &["m"]));
    let mut product = Product::one([]);
    let (i, j) = (product.bind("n".into()), product.bind("m".into()));
    let product = product.times(Access::new(x, [Term::label(i)])).times(Access::new(y, [Term::label(j)]));
    let node = g.product(product);
    let text = index(&g, node);
    assert!(text == "sum(i, x[i]) * sum(i, y[i])" || text == "sum(i, y[i]) * sum(i, x[i])", "{text}");
}

#[test]
fn names_and_numbers() {
    let mut g = Graph::new();
    let (rate, v1) = (real(&mut g, "lambda", &[]), real(&mut g, "V1", &["h", "d"]));
    let (gz, loss) = (real(&mut g, "g_z", &["d"]), real(&mut g, "loss", &[]));
    let node = g.dot(v1, gz).unwrap();
    assert_eq!(matrix(&g, node), "V_1 g_z");
    assert_eq!(latex(&g, node), r"\sum_{j=0}^{d-1} (V_1)_{ij} (g_z)_j");
    let node = g.multiply(rate, loss).unwrap();
    assert_eq!(latex(&g, node), r"\lambda \mathrm{loss}");
    let size = g.size(&(Dim::size("n") * Dim::size("n") - Dim::ONE));
    let node = g.divide(rate, size).unwrap();
    assert_eq!(index(&g, node), "lambda / (size(n)^2 - 1)");
    real(&mut g, "x", &["n"]);
    assert_eq!(index(&g, node), "lambda / (n^2 - 1)");
    let pi = g.pi();
    let node = g.multiply(pi, rate).unwrap();
    assert_eq!((index(&g, node).len(), latex(&g, node).contains(r"\pi")), ("pi*lambda".len(), true));
    let literal = g.literal(Literal::real(&[2, 2], [1.0, 2.5, f64::NAN, f64::INFINITY]).unwrap());
    assert_eq!(vector(&g, literal), "[[1, 2.5], [nan, inf]]");
    let long = g.literal(Literal::integer(&[100], 0..100).unwrap());
    assert_eq!(vector(&g, long), "[... 100 entries of shape 100 ...]");
    let empty = g.literal(Literal::real(&[0], []).unwrap());
    assert_eq!(vector(&g, empty), "[]");
    let log = g.map(&LOG, &[rate]).unwrap();
    let node = g.multiply(log, loss).unwrap();
    assert_eq!(latex(&g, node), r"\mathrm{loss} \log \lambda");
    let shifted = g.map(&LOG1P, &[rate]).unwrap();
    let square = g.power(shifted, 2);
    assert_eq!(latex(&g, square), r"\left(\log\left(1 + \lambda\right)\right)^2");
}

#[test]
fn indices_may_count_from_one() {
    let mut g = Graph::new();
    let x = g.input("x", Type::real(["n"])).unwrap();
    let y = g.input("y", Type::index("n", [] as [&str; 0])).unwrap();
    let node = g.form("x[0]*x[1] + x[y]", &[("x", x), ("y", y)]).unwrap();
    let gradient = g.gradient(node, &[x]).unwrap()[0];
    let printer = Printer::new(&g).index_base(1);
    let text = printer.index_text(gradient).to_string();
    assert_eq!(text, "delta(i,1) * x[2] + delta(i,2) * x[1] + delta(i,y)");
    let total = g.sum_all(x).unwrap();
    let latex = Printer::new(&g).index_base(1).index_latex(total).to_string();
    assert_eq!(latex, r"\sum_{i=1}^{n} x_i");
    let pairs = g.slice(x, 0, &2.into(), 3, &"m".into()).unwrap();
    assert_eq!(Printer::new(&g).index_text(pairs).to_string(), "x[3*i+2]");
    assert_eq!(Printer::new(&g).index_base(1).index_text(pairs).to_string(), "x[3*i]");
}
