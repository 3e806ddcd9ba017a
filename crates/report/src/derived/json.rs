//! A derivative as JSON; the members stand in `docs/json.md`.

use super::{Comparison, Derived, Kink, flat};
use crate::Array;
use serde_json::{Map, Value, json as value};

/// The record as an object; `value` is added when numbers were asked for.
pub fn json(derived: &Derived, at: Option<&Array>) -> Value {
    let mut object = Map::new();
    object.insert("expr".into(), derived.expr.clone().into());
    object.insert("shape".into(), derived.shape.iter().map(extent).collect());
    object.insert("index".into(), flat(&derived.index).into());
    object.insert("vectorised".into(), derived.vectorised.as_ref().map(flat).into());
    let evaluated = derived.evaluated.as_ref().map_or_else(|| flat(&derived.index), |(text, _)| flat(text));
    object.insert("evaluated".into(), evaluated.into());
    object.insert("latex".into(), super::latex::single(&derived.latex).into());
    object.insert("numpy".into(), derived.numpy.clone().into());
    object.insert("assumptions".into(), derived.assumptions.clone().into());
    object.insert("kinks".into(), kinks(&derived.kinks));
    let verified = match &derived.verified {
        Comparison::Nothing => value!({"points": 0, "worst": 0.0}),
        Comparison::Points(v) => value!({"points": v.points, "worst": crate::json::real(v.worst)}),
        Comparison::Nowhere(_) => value!({"points": 0, "worst": null}),
    };
    object.insert("verified".into(), verified);
    if let Some(array) = at {
        object.insert("value".into(), crate::json(array));
    }
    Value::Object(object)
}

/// Kinks as a list of objects.
pub(crate) fn kinks(kinks: &[Kink]) -> Value {
    let one = |k: &Kink| value!({"node": k.node, "where": k.at, "convention": k.convention, "interval": k.interval});
    kinks.iter().map(one).collect()
}

/// A fixed extent as a number, a size as a text.
fn extent(dim: &chainrule_core::shape::Dim) -> Value {
    dim.as_fixed().map_or_else(|| dim.to_string().into(), Value::from)
}
