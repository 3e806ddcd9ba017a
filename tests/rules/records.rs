//! The records themselves: every primitive has a probe, its words are there, its printed forms are well formed.

use crate::cases;
use crate::maps::{EDGES, operand_names};
use chainrule_core::error::Error;
use chainrule_core::eval::Options;
use chainrule_core::graph::Graph;
use chainrule_core::ops::Primitive;
use chainrule_core::ops::composite::COMPOSITES;
use chainrule_core::ops::map::{Kink, MAPS, Map};
use chainrule_core::ops::rules::PRIMITIVES;
use chainrule_core::shape::Type;

/// Records that are not maps.
fn primitives() -> impl Iterator<Item = &'static Primitive> {
    PRIMITIVES.iter().copied().chain(COMPOSITES.iter().map(|c| &c.primitive))
}

#[test]
fn every_primitive_has_a_probe() {
    // Predicates have no real result; `predicates.rs` tries them.
    let tried: Vec<&str> = cases().map(|c| c.rule).chain(["predicate"]).collect();
    let names = MAPS.iter().map(|m| m.name).chain(primitives().map(|p| p.name));
    let untried: Vec<&str> = names.filter(|n| !tried.contains(n)).collect();
    assert!(untried.is_empty(), "no probe for {untried:?}");
    assert!(MAPS.iter().all(|m| m.probes.len() > 1 && m.probes.iter().all(|p| p.len() == m.arity())));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = MAPS.iter().map(|m| m.name).chain(primitives().map(|p| p.name)).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for (k, map) in MAPS.iter().enumerate() {
        assert_eq!(usize::from(map.id), k);
        assert_eq!(Map::by_name(map.name).map(|m| m.id), Some(map.id));
    }
}

#[test]
fn every_case_has_sizes_nought_one_and_odd() {
    let fixed = ["of numbers"];
    for map in MAPS {
        let lengths: Vec<usize> = cases()
            .filter(|c| c.rule == map.name && !fixed.contains(&c.name.as_str()))
            .flat_map(|c| c.points.iter().map(|p| p.real("cotangent").data().len()).collect::<Vec<_>>())
            .collect();
        assert!(lengths.contains(&0) && lengths.contains(&1) && lengths.contains(&3), "{}", map.name);
    }
    for primitive in primitives().filter(|p| p.name != "predicate") {
        let sizes: Vec<i64> = cases()
            .filter(|c| c.rule == primitive.name)
            .flat_map(|c| c.points.iter().flat_map(|p| p.sizes.values().copied()).collect::<Vec<_>>())
            .collect();
        assert!(sizes.contains(&0) && sizes.contains(&1) && sizes.contains(&3), "{}", primitive.name);
    }
}

/// Placeholders stand for each operand, braces are balanced, and nothing else stands in braces of the text.
#[test]
fn printed_forms_are_well_formed() {
    for map in MAPS {
        let (text, latex) = (map.text, map.latex);
        for name in operand_names(map) {
            let holder = format!("{{{name}}}");
            assert!(text.contains(&holder) && latex.contains(&holder), "{}: no {holder}", map.name);
        }
        let holders = text.matches('{').count();
        assert_eq!(holders, map.arity(), "{}: {text}", map.name);
        for printed in [text, latex] {
            assert!(balanced(printed), "{}: {printed}", map.name);
        }
        let left_right = |word| latex.matches(word).count();
        assert_eq!(left_right(r"\left"), left_right(r"\right"), "{}: {latex}", map.name);
    }
}

fn balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for c in text.replace(r"\left", "").replace(r"\right", "").chars() {
        match c {
            '{' => open.push('}'),
            '(' => open.push(')'),
            '}' | ')' if open.pop() != Some(c) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

/// A first sentence, and the partial in the sentences of a map.
#[test]
fn every_record_says_what_it_is() {
    for map in MAPS {
        let about = map.about.trim();
        assert!(
            about.starts_with(char::is_uppercase) && about.ends_with(['.', '…']),
            "{}: {about}",
            map.name
        );
        let speaks = about.contains('∂') || about.contains("partial");
        assert!(speaks, "{}: the partial is not said in {about:?}", map.name);
    }
    for p in primitives() {
        assert!(p.about.starts_with(char::is_alphabetic) && p.about.ends_with(['.', '…']), "{}", p.name);
        for words in [p.formula, p.derivative, p.domain, p.kinks] {
            assert!(!words.trim().is_empty() && words == words.trim(), "{}", p.name);
        }
        assert!(p.formula.contains('=') || p.formula.contains('['), "{}: {}", p.name, p.formula);
        assert!(balanced(&p.formula.replace(['[', ']'], "")), "{}: {}", p.name, p.formula);
        assert!(balanced(&p.derivative.replace(['[', ']'], "")), "{}: {}", p.name, p.derivative);
    }
}

/// At every kink of a record: it is reported, and the value taken is the one that the record states.
#[test]
fn kinks_are_reported_and_taken_as_stated() {
    for map in MAPS {
        for kink in map.kinks {
            let hits = EDGES.iter().filter(|e| e.map == map.name && reports(map, kink, e.at)).count();
            assert!(hits > 0, "{}: no edge lies on {}", map.name, kink.at);
        }
    }
}

/// True when the point lies on the kink; the partial of the first operand is compared with what the record takes.
fn reports(map: &'static Map, kink: &Kink, at: &[f64]) -> bool {
    let mut g = Graph::new();
    let names = operand_names(map);
    let inputs: Vec<_> = names.iter().map(|n| g.input(n, Type::scalar()).unwrap()).collect();
    let y = g.map(map, &inputs).unwrap();
    let bindings = names.iter().zip(at).fold(chainrule_core::eval::Bindings::new(), |b, (n, &x)| {
        b.with(n, chainrule_core::tensor::Tensor::scalar(x))
    });
    let options = Options { kinks: true, ..Options::default() };
    let result = g.evaluate_with(&[y], &bindings, &options).unwrap();
    let Some(hit) = result.kinks.iter().find(|h| h.at == kink.at) else { return false };
    assert_eq!((hit.node, hit.primitive, hit.count, hit.taken), (y, map.name, 1, kink.taken));
    assert_eq!(hit.interval, kink.interval);
    let dx = g.gradient(y, &[inputs[0]]).unwrap()[0];
    let value = g.evaluate(&[dx], &bindings).unwrap()[0].real().unwrap().data()[0];
    assert_eq!(value, number(kink.taken), "{} at {at:?}", map.name);
    if let Some((low, high)) = interval(kink.interval) {
        assert!((low..=high).contains(&value), "{}: {value} outside {}", map.name, kink.interval);
    }
    true
}

fn number(text: &str) -> f64 {
    match text.split_once('/') {
        Some((a, b)) => number(a) / number(b),
        None => text.trim().parse().unwrap(),
    }
}

fn interval(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    Some((number(low), number(high)))
}

/// Away from its kinks a map reports none.
#[test]
fn probes_lie_on_no_kink() {
    for map in MAPS {
        for kink in map.kinks {
            assert!(map.probes.iter().all(|p| !reports(map, kink, p)), "{}", map.name);
        }
    }
}

#[test]
fn opaque_operands_are_refused() {
    let polygamma = Map::by_name("polygamma").unwrap();
    let mut g = Graph::new();
    let [a, b] = ["a", "b"].map(|n| g.input(n, Type::scalar()).unwrap());
    let y = g.map(polygamma, &[a, b]).unwrap();
    for refused in [g.local_jacobian(y, 0), g.jacobian(y, a), g.gradient(y, &[a]).map(|d| d[0])] {
        assert!(matches!(refused, Err(Error::NotDifferentiable { .. })), "{refused:?}");
    }
    assert!(g.gradient(y, &[b]).is_ok());
}
