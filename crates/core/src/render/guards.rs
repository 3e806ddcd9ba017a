//! Guards side by side: what one of them implies is not written twice.
//!
//! `[i <= 3] * [i <= 6]` is `[i <= 3]`, and `delta(i,i)` is 1. Guards of one node are merged when the node is made;
//! those that meet here stood in different nodes.

use super::shown::Shown;
use super::text::text;
use crate::rational::Rational;

/// Drops factors that say nothing beyond the others.
pub(crate) fn merge(factors: &mut Vec<Shown>) {
    factors.retain(|f| match f {
        Shown::Delta(a, b) => text(a) != text(b),
        Shown::Bracket(condition) => !always(condition),
        _ => true,
    });
    let mut k = 0;
    while k < factors.len() {
        let implied = (0..factors.len()).any(|j| j != k && implies(&factors[j], &factors[k], j < k));
        if implied {
            factors.remove(k);
        } else {
            k += 1;
        }
    }
}

/// True for a comparison of numbers that holds.
fn always(condition: &Shown) -> bool {
    let Shown::Relation(symbol, a, b) = condition else { return false };
    match (&**a, &**b) {
        (Shown::Number(a), Shown::Number(b)) => match *symbol {
            ">" => a > b,
            ">=" => a >= b,
            "<" => a < b,
            "<=" => a <= b,
            "==" => a == b,
            _ => a != b,
        },
        _ => false,
    }
}

/// True when the condition `strong` implies `weak`; of equal ones the first stays.
fn implies(strong: &Shown, weak: &Shown, first: bool) -> bool {
    let (Shown::Bracket(strong), Shown::Bracket(weak)) = (strong, weak) else { return false };
    match (bound(strong), bound(weak)) {
        (Some((symbol, a, x)), Some((other, b, y))) if symbol == other && text(a) == text(b) => {
            let tighter = if symbol.starts_with('>') { x > y } else { x < y };
            tighter || (x == y && first)
        }
        _ => first && text(strong) == text(weak),
    }
}

/// The comparison of something with a number.
fn bound(condition: &Shown) -> Option<(&'static str, &Shown, &Rational)> {
    match condition {
        Shown::Relation(symbol @ (">" | ">=" | "<" | "<="), a, b) => match &**b {
            Shown::Number(n) => Some((symbol, a, n)),
            _ => None,
        },
        _ => None,
    }
}
