//! What the reader of index notation accepts, refuses, and says.

use super::*;

/// The tree with every operation in parentheses.
fn shape(text: &str) -> String {
    let e = parse(text).unwrap();
    show(&e, e.root)
}

fn show(e: &Equation, at: At) -> String {
    let list = |l: &[At]| l.iter().map(|&a| show(e, a)).collect::<Vec<_>>().join(",");
    match &e.node(at).node {
        Node::Number(n) => n.to_string(),
        Node::Size(dim) => dim.to_string(),
        Node::Name(n) => n.clone(),
        Node::Access(n, l) => format!("{n}[{}]", list(l)),
        Node::Call(n, l) => format!("{n}({})", list(l)),
        Node::Entry(base, l) => format!("{}[{}]", show(e, *base), list(l)),
        Node::Array(l) => format!("[{}]", list(l)),
        Node::Option(n, a) => format!("{n}={}", show(e, *a)),
        Node::Range(n, a, b) => format!("{n}={}..{}", show(e, *a), show(e, *b)),
        Node::Sum(t) => {
            let term = |&(minus, a): &(bool, At)| format!("{}{}", if minus { "-" } else { "+" }, show(e, a));
            format!("({})", t.iter().map(term).collect::<String>())
        }
        Node::Product(f) => {
            let factor = |&(op, a): &(Factor, At)| {
                let sign = match op {
                    Factor::Times => "*",
                    Factor::Over => "/",
                    Factor::Div => " div ",
                    Factor::Mod => " mod ",
                };
                format!("{sign}{}", show(e, a))
            };
            format!("({})", f.iter().map(factor).collect::<String>())
        }
        Node::Negative(a) => format!("neg({})", show(e, *a)),
        Node::Power(a, b) => format!("({}^{})", show(e, *a), show(e, *b)),
        Node::Compare(r, a, b) => format!("({} {r:?} {})", show(e, *a), show(e, *b)),
        Node::Not(a) => format!("not({})", show(e, *a)),
        Node::And(l) => format!("and({})", list(l)),
        Node::Or(l) => format!("or({})", list(l)),
        Node::Iverson(a) => format!("[{}]", show(e, *a)),
        Node::If(a, c, b) => format!("if({},{},{})", show(e, *a), show(e, *c), show(e, *b)),
    }
}

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn operators_bind_as_in_python() {
    assert_eq!(shape("-x^2"), "neg((x^2))");
    assert_eq!(shape("2^-x^2"), "(2^neg((x^2)))");
    assert_eq!(shape("2^3^2"), "(2^(3^2))");
    assert_eq!(shape("x**2"), "(x^2)");
    assert_eq!(shape("a - b - c*-d/e"), "(+a-b-(*c*neg(d)/e))");
    assert_eq!(shape("a - (b - c)"), "(+a-(+b-c))");
    assert_eq!(shape("not a < b and c or d"), "or(and(not((a Less b)),c),d)");
    assert_eq!(shape("1 if a else 2 if b else 3"), "if(1,a,if(2,b,3))");
    assert_eq!(shape("a + 1 if b or c else 2"), "if((+a+1),or(b,c),2)");
    assert_eq!(shape("sum(j=0..n-1, x[j])"), "sum(j=0..(+n-1),x[j])");
    assert_eq!(shape("x[i div n, i mod n]"), "x[(*i div n),(*i mod n)]");
    assert_eq!(shape("[x[i] > 0.5]*1e-1"), "(*[(x[i] Greater 1/2)]*1/10)");
    assert_eq!(shape("f() + y[]"), "(+f()+y[])");
}

#[test]
fn literals_and_functions_of_whole_arrays_have_entries() {
    assert_eq!(shape("[(-0.25), 1.5][i]*x[i]"), "(*[neg(1/4),3/2][i]*x[i])");
    assert_eq!(shape("[[1, 2], [3, 4]][i,j]"), "[[1,2],[3,4]][i,j]");
    assert_eq!(shape("-[5][0]"), "neg([5][0])");
    assert_eq!(shape("solve(A, c)[i]^2"), "(solve(A,c)[i]^2)");
    assert_eq!(shape("argsort(x, axis=1)[i,j]"), "argsort(x,axis=1)[i,j]");
    assert_eq!(shape("softmax(x, axis=[0, 1])[i,j]"), "softmax(x,axis=[0,1])[i,j]");
    assert_eq!(refused("x[i] [j > 0]"), "at byte 5: an operator is missing before `[`");
    assert!(refused("[... 100 entries of shape 100 ...][i]").contains("left out of a long literal"));
}

#[test]
fn names_in_quotation_marks_are_any_text() {
    let odd = ["if", "mod", "", "x y", "a\"b\\c\nd", "2x", "mlp/2/W", "é!"];
    for name in odd {
        let text = spelled(name);
        assert_eq!(parse(&text).unwrap().nodes[0].node, Node::Name(name.to_string()), "{text}");
        assert_eq!(shape(&format!("{text}[i]")), format!("{name}[i]"));
    }
    assert_eq!(spelled("é_1"), "é_1");
    assert_eq!(refused("\"x"), "at byte 0: the quotation mark opened here is not closed");
    assert!(refused("\"\\q\"").contains("after `\\` in a quoted name"));
}

#[test]
fn definitions_stand_below_the_formula() {
    let (body, definitions) = clauses("a*t1\n  where t1 = b\n    + c\n  where t2 = d").unwrap();
    assert_eq!((body.start, body.text), (0, "a*t1"));
    let texts: Vec<(usize, &str)> = definitions.iter().map(|c| (c.start, c.text)).collect();
    assert_eq!(texts, [(13, "t1 = b\n    + c"), (36, "t2 = d")]);
    let cut = "t9\n  where the first 3 definitions are left out (at most 10 are printed)";
    assert!(clauses(cut).unwrap_err().to_string().contains("larger `max_definitions`"));
}

#[test]
fn the_left_side_orders_the_indices() {
    let e = parse("y[i, j=0..n-1] = x[i]").unwrap();
    let left = e.left.unwrap();
    assert_eq!((left.name.as_str(), left.indices.len()), ("y", 2));
    assert!(left.indices[0].2.is_none() && left.indices[1].2.is_some());
    assert!(parse("y[] = 1").unwrap().left.unwrap().indices.is_empty());
}

#[test]
fn mistakes_say_where_and_what_was_expected() {
    assert_eq!(refused("2 z[i]"), "at byte 2: an operator is missing before `z`");
    assert_eq!(refused("2(z)"), "at byte 1: an operator is missing before `(`");
    assert_eq!(refused("a +"), "at byte 3: a number, a name or `(` is expected here, but the formula ends");
    assert_eq!(refused("a + * b"), "at byte 4: a number, a name or `(` is expected here, not `*`");
    assert_eq!(refused("(a + b"), "at byte 6: the bracket opened at byte 0 is not closed");
    assert_eq!(refused("x[i)"), "at byte 3: `]` is expected, to close the bracket opened at byte 0");
    assert_eq!(refused("a)"), "at byte 1: `)` closes nothing");
    assert_eq!(refused("a < b < c"), "at byte 6: comparisons do not chain: write a < b and b < c");
    assert_eq!(refused("1 if a"), "at byte 2: `if` without `else`: write a if c else b");
    assert_eq!(refused("a else b"), "at byte 2: `else` without `if`");
    assert_eq!(refused("(a, b)"), "at byte 2: a comma stands only between indices or arguments");
    assert_eq!(refused("y[i,i] = 1"), "at byte 4: index i stands twice on the left");
    assert_eq!(refused("a ; b"), "at byte 2: `;` is not part of index notation");
    assert_eq!(refused("0..2"), "at byte 1: `..` stands only in a range, as in sum(j=0..n-1, x[j])");
    assert_eq!(refused("sum(j=3, x)"), "at byte 7: `..` is expected: a range is low..high");
    assert_eq!(refused("1 + y = 2"), "at byte 0: a name with indices stands left of `=`, as in y[i]");
    assert_eq!(refused(""), "at byte 0: a number, a name or `(` is expected here, but the formula ends");
}

#[test]
fn nesting_costs_no_stack() {
    let nested = |n: usize| format!("{}x{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(shape(&nested(10_000)), "x");
    assert!(refused(&nested(1_000_000)).contains("nested more than"));
    assert!(parse(&"-".repeat(100_000)).is_err());
    assert!(parse(&format!("{}x", "-".repeat(100_000))).is_ok());
    assert!(parse(&vec!["x"; 100_000].join(" + ")).is_ok());
    assert!(parse(&vec!["x"; 100_000].join("^")).is_ok());
}

#[test]
fn no_text_panics() {
    let pieces = [
        "x", "[", "]", "(", ")", "i", ",", "=", "..", "1", "if", "else", "not", "-", "+", "^", "<", "and",
        "é", "sum(",
    ];
    let mut state = 7u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            text.push(' ');
        }
        let _ = parse(&text);
    }
}
