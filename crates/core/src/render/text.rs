//! Formulas as text: the language's own notation, with as few parentheses as its grammar allows.
//!
//! Products of plain entries stand tight (`V[i,j]*x[j]`), all others with spaces (`delta(i,j) * x[k]`); sums in an
//! index stand tight (`x[i+1]`).

use super::shown::{Bound, Level, Recurrence, Shown, placeholder};
use crate::graph::op::Logic;
use crate::rational::Rational;
use crate::shape::Dim;

/// The formula as text.
pub(crate) fn text(shown: &Shown) -> String {
    let mut out = String::new();
    put(&mut out, shown, Level::If);
    out
}

/// Writes a formula where the grammar expects at least `least`.
fn put(out: &mut String, shown: &Shown, least: Level) {
    if shown.level() >= least {
        return bare(out, shown);
    }
    out.push('(');
    bare(out, shown);
    out.push(')');
}

fn bare(out: &mut String, shown: &Shown) {
    match shown {
        Shown::Number(n) => out.push_str(&n.to_string()),
        Shown::Size(d) => out.push_str(&d.to_string()),
        Shown::Name(name) | Shown::Verbatim(name) => out.push_str(name),
        Shown::Pi => out.push_str("pi"),
        Shown::Entry(base, at) => {
            put(out, base, Level::Atom);
            out.push('[');
            indices(out, at);
            out.push(']');
        }
        Shown::Call(name, args) => call(out, name, args),
        Shown::Apply(name, args) => call(out, name, args),
        Shown::Scan(scan) => recurrence(out, scan),
        Shown::Carry(base, carry) => {
            put(out, base, Level::Atom);
            out.push('.');
            out.push_str(carry);
        }
        Shown::Map(map, args) => template(out, map.text, args),
        Shown::Sum(terms) => sum(out, terms, " "),
        Shown::Product(over, under) => product(out, &Rational::ONE, over, under),
        Shown::Power(base, power) => {
            put(out, base, Level::Atom);
            out.push_str(&format!("^{power}"));
        }
        Shown::ElementPower(base, power) => {
            put(out, base, Level::Atom);
            out.push_str(&format!(" .^ {power}"));
        }
        Shown::Over(binder, bound, body) => {
            out.push_str(&format!("{}({}, ", binder.name(), range(bound)));
            put(out, body, Level::If);
            out.push(')');
        }
        Shown::Axis(bound) => out.push_str(&range(bound)),
        Shown::Division(word, term, size) => {
            put(out, term, Level::Product);
            out.push_str(&format!(" {word} "));
            put(out, &Shown::Size(size.clone()), Level::Power);
        }
        Shown::Delta(a, b) => {
            out.push_str("delta(");
            index(out, a);
            out.push(',');
            index(out, b);
            out.push(')');
        }
        Shown::Bracket(condition) => {
            out.push('[');
            put(out, condition, Level::If);
            out.push(']');
        }
        Shown::Relation(symbol, a, b) => {
            put(out, a, Level::Sum);
            out.push_str(&format!(" {symbol} "));
            put(out, b, Level::Sum);
        }
        Shown::Logic(logic, args) => connective(out, *logic, args),
        Shown::If(parts) => {
            put(out, &parts[1], Level::Or);
            out.push_str(" if ");
            put(out, &parts[0], Level::Or);
            out.push_str(" else ");
            put(out, &parts[2], Level::If);
        }
        Shown::Dot(items, _) => joined(out, items, " @ "),
        Shown::Elementwise(over, under) => {
            if over.is_empty() {
                out.push('1');
            }
            joined(out, over, " .* ");
            for factor in under {
                out.push_str(" ./ ");
                put(out, factor, Level::Power);
            }
        }
        Shown::Transpose(inner) => {
            put(out, inner, Level::Atom);
            out.push('\'');
        }
    }
}

/// `j`, or `j=0..n-1` where the reader could not infer the range.
fn range(bound: &Bound) -> String {
    if bound.told {
        return bound.letter.clone();
    }
    let last = bound.extent.clone() + Dim::fixed(bound.first) - Dim::ONE;
    format!("{}={}..{}", bound.letter, bound.first, tightly(&last.to_string()))
}

/// Without spaces around signs.
fn tightly(text: &str) -> String {
    [(" + ", "+"), (" - ", "-"), (" * ", "*"), (" / ", "/")]
        .iter()
        .fold(text.to_string(), |text, (wide, tight)| text.replace(wide, tight))
}

fn joined(out: &mut String, items: &[Shown], separator: &str) {
    for (k, item) in items.iter().enumerate() {
        if k > 0 {
            out.push_str(separator);
        }
        put(out, item, Level::Power);
    }
}

fn call(out: &mut String, name: &str, args: &[Shown]) {
    out.push_str(name);
    out.push('(');
    for (k, arg) in args.iter().enumerate() {
        if k > 0 {
            out.push_str(", ");
        }
        put(out, arg, Level::If);
    }
    out.push(')');
}

/// `scan(t=0..n-1, (h,c) <- cell(h, c, x[t]); (h0,c0))`
fn recurrence(out: &mut String, scan: &Recurrence) {
    let (from, to) = (tightly(&scan.from.to_string()), tightly(&scan.to.to_string()));
    out.push_str(&format!("scan({}={from}..{to}, {} <- ", scan.time, tuple(&scan.carries)));
    put(out, &scan.step, Level::If);
    let initial: Vec<String> = scan.initial.iter().map(text).collect();
    out.push_str(&format!("; {})", tuple(&initial)));
}

/// The only one, or all in parentheses.
fn tuple(list: &[String]) -> String {
    match list {
        [only] => only.clone(),
        several => format!("({})", several.join(",")),
    }
}

fn connective(out: &mut String, logic: Logic, args: &[Shown]) {
    let (word, operand) = match logic {
        Logic::Not => {
            out.push_str("not ");
            return put(out, &args[0], Level::Not);
        }
        Logic::And => (" and ", Level::Not),
        Logic::Or => (" or ", Level::And),
    };
    for (k, arg) in args.iter().enumerate() {
        if k > 0 {
            out.push_str(word);
        }
        put(out, arg, operand);
    }
}

/// Indices, tight: `i,j+1`.
fn indices(out: &mut String, at: &[Shown]) {
    for (k, term) in at.iter().enumerate() {
        if k > 0 {
            out.push(',');
        }
        index(out, term);
    }
}

fn index(out: &mut String, term: &Shown) {
    match term {
        Shown::Sum(terms) => sum(out, terms, ""),
        Shown::Size(d) => out.push_str(&tightly(&d.to_string())),
        other => put(out, other, Level::If),
    }
}

/// `a + 2*b - c`, with `space` around the signs.
fn sum(out: &mut String, terms: &[(Rational, Shown)], space: &str) {
    for (k, (coefficient, term)) in terms.iter().enumerate() {
        let mut written = String::new();
        match term {
            // A size polynomial stands among the terms as it is, unless a sign in front would change it.
            Shown::Size(_) if coefficient.is_one() => bare(&mut written, term),
            _ => scaled(&mut written, &coefficient.abs(), term),
        }
        if space.is_empty() {
            written = tightly(&written);
        }
        // A size polynomial brings its own sign.
        let own = coefficient.is_one() && written.starts_with('-');
        let written = if own { written[1..].trim_start() } else { &written };
        match (k, coefficient.is_negative() || own) {
            (0, false) => {}
            (0, true) => out.push('-'),
            (_, negative) => out.push_str(&format!("{space}{}{space}", if negative { '-' } else { '+' })),
        }
        out.push_str(written);
    }
}

/// `magnitude · term`
fn scaled(out: &mut String, magnitude: &Rational, term: &Shown) {
    match term {
        Shown::Number(n) => out.push_str(&(magnitude * n).to_string()),
        Shown::Product(over, under) => product(out, magnitude, over, under),
        other if magnitude.is_one() => put(out, other, Level::Product),
        other => product(out, magnitude, std::slice::from_ref(other), &[]),
    }
}

/// `2*x`, `1/2 * a / (b*c)`, `1 / (2*x)`: a coefficient stands first, denominators last.
fn product(out: &mut String, magnitude: &Rational, over: &[Shown], under: &[Shown]) {
    let (coefficient, divisor) =
        if over.is_empty() { parts(magnitude) } else { (magnitude.clone(), Rational::ONE) };
    let number = |n: &Rational| Some(Shown::Number(n.clone())).filter(|_| !n.is_one());
    let (coefficient, divisor) = (number(&coefficient), number(&divisor));
    let one = Shown::integer(1);
    let mut above: Vec<&Shown> = coefficient.iter().chain(over).collect();
    if above.is_empty() {
        above.push(&one);
    }
    let below: Vec<&Shown> = divisor.iter().chain(under).collect();
    factors(out, &above, if below.is_empty() { tight(&above) } else { " * " });
    match below.as_slice() {
        [] => {}
        [only] => {
            let reciprocal = matches!(above.as_slice(), [Shown::Number(_)]) && only.is_plain();
            out.push_str(if reciprocal { "/" } else { " / " });
            put(out, only, Level::Power);
        }
        list => {
            out.push_str(" / (");
            factors(out, list, tight(list));
            out.push(')');
        }
    }
}

/// Numerator and denominator.
fn parts(n: &Rational) -> (Rational, Rational) {
    let whole = |part| Rational::from_big(part, 1.into()).expect("invariant: the denominator is 1");
    (whole(n.numer()), whole(n.denom()))
}

/// What stands between plain factors, and between others.
fn tight(list: &[&Shown]) -> &'static str {
    if list.iter().all(|f| f.is_plain()) { "*" } else { " * " }
}

fn factors(out: &mut String, list: &[&Shown], separator: &str) {
    for (k, factor) in list.iter().enumerate() {
        if k > 0 {
            out.push_str(separator);
        }
        put(out, factor, if k == 0 { Level::Product } else { Level::Power });
    }
}

/// A record's template with its arguments; one outside of parentheses is an operand and gets its own.
fn template(out: &mut String, template: &str, args: &[Shown]) {
    let operator = template.starts_with('{');
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("invariant: templates close their braces");
        out.push_str(before);
        let k = placeholder(name, args.len()).expect("invariant: templates name their arguments");
        put(out, &args[k], if operator { Level::Atom } else { Level::If });
        rest = after;
    }
    out.push_str(rest);
}
