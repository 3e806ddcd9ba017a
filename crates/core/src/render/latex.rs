//! Formulas as LaTeX: `\frac{e^{z_i}}{\sum_{j=0}^{n-1} e^{z_j}} - \delta_{iy}`; amsmath suffices.
//!
//! Names: one letter as it is, `V1` as `V_1`, `g_z` as `g_z`, Greek names as Greek letters, longer ones upright.
//! Indices are subscripts, without commas while all of them are single letters.

use super::shown::{Binder, Bound, Level, Recurrence, Shown, placeholder};
use crate::graph::op::Logic;
use crate::rational::Rational;
use crate::shape::Dim;

/// Names that are Greek letters.
const GREEK: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta",
    "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
];

/// The formula as LaTeX.
pub(crate) fn latex(shown: &Shown) -> String {
    put(shown, Level::If)
}

/// How tightly the outermost operator holds, in this notation.
fn level(shown: &Shown) -> Level {
    match shown {
        Shown::Number(n) if !n.is_negative() => Level::Atom,
        Shown::Product(_, under) if !under.is_empty() => Level::Atom,
        Shown::Map(map, _) if trails(map.latex) || map.latex.starts_with("\\log") => Level::Product,
        Shown::Map(map, _) if map.latex.starts_with('{') || map.latex.starts_with("e^") => Level::Power,
        Shown::Map(..) => Level::Atom,
        Shown::Over(..) => Level::Product,
        Shown::Division(..) => Level::Atom,
        Shown::Call("outer" | "det", _) => Level::Product,
        Shown::Call("inv", _) => Level::Power,
        Shown::Relation(..) => Level::Relation,
        Shown::If(_) | Shown::Transpose(_) => Level::Power,
        other => other.level(),
    }
}

/// A template that ends in an argument without braces of its own: `\log{x}`.
fn trails(template: &str) -> bool {
    template.starts_with('\\') && template.ends_with("{x}") && !template.ends_with("{{x}}")
}

fn put(shown: &Shown, least: Level) -> String {
    let written = bare(shown);
    if level(shown) >= least { written } else { format!("\\left({written}\\right)") }
}

fn bare(shown: &Shown) -> String {
    match shown {
        Shown::Number(n) if n.is_integer() => n.to_string(),
        Shown::Number(n) if n.is_negative() => format!("-{}", fraction(&n.abs())),
        Shown::Number(n) => fraction(n),
        Shown::Size(d) => size(&d.to_string()),
        Shown::Name(n) => name(n),
        Shown::Verbatim(text) => format!("\\mathtt{{{}}}", text.replace('_', "\\_")),
        Shown::Pi => "\\pi".into(),
        Shown::Entry(base, at) => entry(base, at),
        Shown::Call(function, args) => call(function, args),
        Shown::Apply(function, args) => applied(function, args),
        Shown::Scan(scan) => recurrence(scan),
        Shown::Carry(base, carry) => format!("{}.{}", put(base, Level::Atom), name(carry)),
        Shown::Map(map, args) => template(map.latex, args),
        Shown::Sum(terms) => sum(terms, " "),
        Shown::Product(over, under) => product(&Rational::ONE, over, under),
        Shown::Power(base, power) => raised(base, &power.to_string()),
        Shown::ElementPower(base, power) => raised(base, &format!("\\circ {power}")),
        Shown::Over(binder, bound, body) => over(*binder, bound, body),
        Shown::Axis(bound) => name(&bound.letter),
        Shown::Division("div", term, divisor) => {
            format!(
                "\\left\\lfloor \\frac{{{}}}{{{}}} \\right\\rfloor",
                bare(term),
                size(&divisor.to_string())
            )
        }
        Shown::Division(_, term, divisor) => {
            let divisor = put(&Shown::Size(divisor.clone()), Level::Power);
            format!("\\left({} \\bmod {divisor}\\right)", bare(term))
        }
        Shown::Delta(a, b) => format!("\\delta{}", subscript(&[(**a).clone(), (**b).clone()])),
        Shown::Bracket(condition) => format!("[{}]", put(condition, Level::If)),
        Shown::Relation(symbol, a, b) => {
            let symbol = match *symbol {
                ">=" => "\\ge",
                "<=" => "\\le",
                "==" => "=",
                "!=" => "\\ne",
                other => other,
            };
            format!("{} {symbol} {}", put(a, Level::Sum), put(b, Level::Sum))
        }
        Shown::Logic(Logic::Not, args) => format!("\\neg \\left({}\\right)", bare(&args[0])),
        Shown::Logic(Logic::And, args) => joined(args, " \\land ", Level::Not),
        Shown::Logic(Logic::Or, args) => joined(args, " \\lor ", Level::And),
        Shown::If(parts) => {
            let [condition, value, other] = &**parts;
            let (condition, value, other) = (bare(condition), bare(value), bare(other));
            format!(
                "\\begin{{cases}} {value} & \\text{{if }} {condition} \\\\ {other} & \\text{{otherwise}} \\end{{cases}}"
            )
        }
        Shown::Dot(items, row) => dot(items, *row),
        Shown::Elementwise(over, under) => {
            let top = if over.is_empty() { "1".into() } else { joined(over, " \\odot ", Level::Power) };
            under.iter().fold(top, |all, f| format!("{all} \\oslash {}", put(f, Level::Power)))
        }
        Shown::Transpose(inner) => raised(inner, "\\top"),
    }
}

/// `\operatorname{scan}_{t=0}^{n-1}\left(h \leftarrow \operatorname{cell}(h, x_t);\; h_0\right)`
fn recurrence(scan: &Recurrence) -> String {
    let list = |names: Vec<String>| match names.as_slice() {
        [only] => only.clone(),
        several => format!("({})", several.join(", ")),
    };
    let carries = list(scan.carries.iter().map(|c| name(c)).collect());
    let initial = list(scan.initial.iter().map(bare).collect());
    let (from, to) = (size(&scan.from.to_string()), size(&scan.to.to_string()));
    let step = bare(&scan.step);
    let time = name(&scan.time);
    format!(
        "\\operatorname{{scan}}_{{{time}={from}}}^{{{to}}}\\left({carries} \\leftarrow {step};\\; {initial}\\right)"
    )
}

fn fraction(n: &Rational) -> String {
    format!("\\frac{{{}}}{{{}}}", n.numer(), n.denom())
}

/// `base^{exponent}`; a base with an exponent of its own gets parentheses.
fn raised(base: &Shown, exponent: &str) -> String {
    let base = match base {
        Shown::Product(..) => format!("\\left({}\\right)", bare(base)),
        Shown::Number(n) if !n.is_integer() => format!("\\left({}\\right)", bare(base)),
        other => put(other, Level::Atom),
    };
    if exponent.len() == 1 { format!("{base}^{exponent}") } else { format!("{base}^{{{exponent}}}") }
}

fn joined(items: &[Shown], separator: &str, least: Level) -> String {
    items.iter().map(|i| put(i, least)).collect::<Vec<_>>().join(separator)
}

/// A name with its own subscript: `V1`, `g_z`, `lambda`, `loss`.
fn name(name: &str) -> String {
    if name.contains('"') {
        return quoted(name);
    }
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if let Some((base, rest)) = name.split_once('_').filter(|(b, r)| !b.is_empty() && !r.is_empty()) {
        let rest = rest.split('_').map(symbol).collect::<Vec<_>>().join(",");
        return with_subscript(&symbol(base), &rest);
    }
    if letters.len() < name.len() && !letters.is_empty() {
        return with_subscript(&symbol(letters), &name[letters.len()..]);
    }
    symbol(name)
}

/// A name that is spelled in quotation marks: as it is, in typewriter letters.
fn quoted(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '^' | '~' => out.push_str(&format!("\\{c}{{}}")),
            '_' | '#' | '$' | '%' | '&' | '{' | '}' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    format!("\\texttt{{{out}}}")
}

fn with_subscript(base: &str, rest: &str) -> String {
    if rest.chars().count() == 1 { format!("{base}_{rest}") } else { format!("{base}_{{{rest}}}") }
}

/// A name without a separator: a letter, a Greek letter, a number, or a word.
fn symbol(name: &str) -> String {
    match name {
        greek if GREEK.contains(&greek) => format!("\\{greek}"),
        short if short.chars().count() == 1 => short.to_string(),
        number if number.chars().all(|c| c.is_ascii_digit()) => number.to_string(),
        mixed if mixed.ends_with(|c: char| c.is_ascii_digit()) => {
            let letters = mixed.trim_end_matches(|c: char| c.is_ascii_digit());
            with_subscript(&symbol(letters), &mixed[letters.len()..])
        }
        word => format!("\\mathrm{{{}}}", word.replace('_', "\\_")),
    }
}

/// A size polynomial, compact: `n-1`, `m n`.
fn size(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push_str(&name(&std::mem::take(&mut word)));
        }
        match c {
            ' ' => {}
            '*' => out.push_str(" \\, "),
            other => out.push(other),
        }
    }
    out
}

/// `V_{ij}`; a name with a subscript of its own stands in parentheses: `(V_1)_{ij}`.
fn entry(base: &Shown, at: &[Shown]) -> String {
    let written = put(base, Level::Atom);
    let subscripted = matches!(base, Shown::Name(_)) && written.contains('_');
    let composed = !matches!(base, Shown::Name(_)) && level(base) >= Level::Atom;
    if subscripted {
        format!("({written}){}", subscript(at))
    } else if composed {
        format!("\\left({written}\\right){}", subscript(at))
    } else {
        format!("{written}{}", subscript(at))
    }
}

/// `_i`, `_{ij}`, `_{i,j+1}`
fn subscript(at: &[Shown]) -> String {
    let single = |t: &Shown| match t {
        Shown::Name(n) => n.chars().count() == 1,
        Shown::Axis(bound) => bound.letter.chars().count() == 1,
        _ => false,
    };
    let written: Vec<String> = at
        .iter()
        .map(|t| match t {
            Shown::Sum(terms) => sum(terms, ""),
            other => bare(other),
        })
        .collect();
    let inner = written.join(if at.iter().all(single) { "" } else { "," });
    if inner.chars().count() == 1 { format!("_{inner}") } else { format!("_{{{inner}}}") }
}

fn call(function: &str, args: &[Shown]) -> String {
    match (function, args) {
        ("inv", [a]) => raised(a, "-1"),
        ("det", [a]) => format!("\\det {}", put(a, Level::Power)),
        ("eye", [n]) => with_subscript("I", &bare(n)),
        ("trace", [a]) => format!("\\operatorname{{tr}}\\left({}\\right)", bare(a)),
        ("outer", [u, w]) => format!("{} {}", put(u, Level::Power), raised(w, "\\top")),
        ("onehot", [y]) => with_subscript("\\mathbf{e}", &bare(y)),
        ("ones", [n]) => with_subscript("\\mathbf{1}", &bare(n)),
        _ => applied(function, args),
    }
}

fn applied(function: &str, args: &[Shown]) -> String {
    let args = args.iter().map(bare).collect::<Vec<_>>().join(", ");
    format!("\\operatorname{{{}}}\\left({args}\\right)", function.replace('_', "\\_"))
}

/// `\sum_{j=0}^{n-1} body`, `\max_{j} body`
fn over(binder: Binder, range: &Bound, body: &Shown) -> String {
    let letter = name(&range.letter);
    let body = put(body, Level::Product);
    let first = range.first;
    let last = size(&(range.extent.clone() + Dim::fixed(first) - Dim::ONE).to_string());
    match binder {
        Binder::Sum => format!("\\sum_{{{letter}={first}}}^{{{last}}} {body}"),
        Binder::Prod => format!("\\prod_{{{letter}={first}}}^{{{last}}} {body}"),
        Binder::Max => format!("\\max_{{{letter}}} {body}"),
        Binder::Min => format!("\\min_{{{letter}}} {body}"),
        Binder::ArgMax => format!("\\operatorname*{{arg\\,max}}_{{{letter}}} {body}"),
    }
}

fn sum(terms: &[(Rational, Shown)], space: &str) -> String {
    let mut out = String::new();
    for (k, (coefficient, term)) in terms.iter().enumerate() {
        let written = match term {
            Shown::Number(n) => bare(&Shown::Number(&coefficient.abs() * n)),
            Shown::Size(_) if coefficient.is_one() => bare(term),
            Shown::Product(over, under) => product(&coefficient.abs(), over, under),
            other if coefficient.abs().is_one() => put(other, Level::Product),
            other => product(&coefficient.abs(), std::slice::from_ref(other), &[]),
        };
        let own = coefficient.is_one() && written.starts_with('-');
        let written = if own { written[1..].trim_start() } else { &written };
        match (k, coefficient.is_negative() || own) {
            (0, false) => {}
            (0, true) => out.push('-'),
            (_, negative) => out.push_str(&format!("{space}{}{space}", if negative { '-' } else { '+' })),
        }
        out.push_str(written);
    }
    out
}

/// Factors side by side, `\frac` for denominators; only the last factor may be open to the right.
fn product(magnitude: &Rational, over: &[Shown], under: &[Shown]) -> String {
    let beside = |list: &[Shown]| -> String {
        let last = list.len().saturating_sub(1);
        let written = list.iter().enumerate().map(|(k, f)| {
            put(
                f,
                if k == last || matches!(f, Shown::Sum(t) if t.len() == 1) {
                    Level::Product
                } else {
                    Level::Power
                },
            )
        });
        written.collect::<Vec<_>>().join(" ")
    };
    let alone = |list: &[Shown]| if let [only] = list { bare(only) } else { beside(list) };
    if under.is_empty() {
        let coefficient =
            if magnitude.is_one() { None } else { Some(bare(&Shown::Number(magnitude.clone()))) };
        let over = Some(beside(over)).filter(|s| !s.is_empty());
        return coefficient.into_iter().chain(over).collect::<Vec<_>>().join(" ");
    }
    let (top, bottom) = (magnitude.numer().to_string(), magnitude.denom().to_string());
    let above = match (over.is_empty(), top == "1") {
        (true, _) => top,
        (false, true) => alone(over),
        (false, false) => format!("{top} {}", beside(over)),
    };
    let below = if bottom == "1" { alone(under) } else { format!("{bottom} {}", beside(under)) };
    format!("\\frac{{{above}}}{{{below}}}")
}

/// `V^{\top} g`, `x^{\top} A x`
fn dot(items: &[Shown], row: bool) -> String {
    let written = items.iter().enumerate().map(|(k, item)| match item {
        vector if row && k == 0 => raised(vector, "\\top"),
        other => put(other, Level::Power),
    });
    written.collect::<Vec<_>>().join(" ")
}

/// A record's template with its arguments; an argument without braces of its own gets them where it needs them.
fn template(template: &str, args: &[Shown]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((start, length, k)) = next_placeholder(rest, args.len()) {
        out.push_str(&rest[..start]);
        let enclosed = rest[..start].ends_with(['{', '(', '|', ' ']);
        match (enclosed, out.is_empty()) {
            (true, _) => out.push_str(&bare(&args[k])),
            (false, true) => out.push_str(&put(&args[k], Level::Atom)),
            (false, false) if level(&args[k]) >= Level::Power => {
                out.push(' ');
                out.push_str(&bare(&args[k]));
            }
            (false, false) => out.push_str(&format!("\\left({}\\right)", bare(&args[k]))),
        }
        rest = &rest[start + length..];
    }
    out.push_str(rest);
    out
}

/// Start, length and argument of the first `{x}`; other braces are LaTeX's own.
fn next_placeholder(template: &str, arity: usize) -> Option<(usize, usize, usize)> {
    ["x", "a", "b"]
        .iter()
        .filter_map(|n| Some((template.find(&format!("{{{n}}}"))?, 3, placeholder(n, arity)?)))
        .min()
}
