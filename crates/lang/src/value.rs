//! Constants as they stand in cases and expectations: `-3`, `1/2`, `[[1,0],[0,1]]`, `eye(3)`, `inf`, `-0.0`, `[]`.
//!
//! Values are 64-bit floats, so that the sign of zero, infinities and NaN survive; formulas never take this path.

use crate::ast::{ExprId, Item, Kind, Operator, Tree};
use crate::diagnostic::Diagnostic;
use crate::lower::children;
use crate::source::Span;
use std::collections::BTreeMap;

/// A constant array.
#[derive(Clone, PartialEq, Debug)]
pub struct Constant {
    /// Extents.
    pub shape: Vec<usize>,
    /// Entries in row-major order.
    pub data: Vec<f64>,
}

impl Constant {
    fn number(value: f64) -> Constant {
        Constant { shape: Vec::new(), data: vec![value] }
    }

    fn filled(shape: Vec<usize>, value: impl Fn(usize) -> f64) -> Option<Constant> {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= 1 << 24)?;
        Some(Constant { data: (0..count).map(value).collect(), shape })
    }
}

/// Why an expression is no constant.
pub(crate) enum Refused {
    /// It is a formula: names, functions, indices.
    Formula,
    /// It is wrong.
    Wrong(Box<Diagnostic>),
}

/// The value of an expression of numbers, arrays of them, and sizes with known values.
pub(crate) fn constant(
    tree: &Tree,
    root: ExprId,
    sizes: &BTreeMap<String, i64>,
) -> Result<Constant, Refused> {
    let mut wanted = vec![root];
    let mut order = Vec::new();
    while let Some(id) = wanted.pop() {
        order.push(id);
        children(tree.kind(id), &mut |c| wanted.push(c));
    }
    order.sort();
    let mut values: BTreeMap<ExprId, Constant> = BTreeMap::new();
    for id in order {
        let value = one(tree, id, &mut values, sizes)?;
        values.insert(id, value);
    }
    values.remove(&root).ok_or(Refused::Formula)
}

fn one(
    tree: &Tree,
    id: ExprId,
    values: &mut BTreeMap<ExprId, Constant>,
    sizes: &BTreeMap<String, i64>,
) -> Result<Constant, Refused> {
    let mut take = |id: &ExprId| values.remove(id).ok_or(Refused::Formula);
    Ok(match tree.kind(id) {
        Kind::Number(value) => Constant::number(value.to_f64()),
        Kind::Name(name) => Constant::number(match name.as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            "pi" => std::f64::consts::PI,
            "e" => std::f64::consts::E,
            "true" => 1.0,
            "false" => 0.0,
            other => *sizes.get(other).ok_or(Refused::Formula)? as f64,
        }),
        Kind::Negative(a) => {
            let a = take(a)?;
            Constant { data: a.data.iter().map(|x| -x).collect(), shape: a.shape }
        }
        Kind::Binary(op, _, a, b) => {
            let (a, b) = (take(a)?, take(b)?);
            if !a.shape.is_empty() || !b.shape.is_empty() {
                return Err(Refused::Formula);
            }
            let (a, b) = (a.data[0], b.data[0]);
            Constant::number(match op {
                Operator::Add => a + b,
                Operator::Sub => a - b,
                Operator::Times => a * b,
                Operator::Over => a / b,
                _ => return Err(Refused::Formula),
            })
        }
        Kind::Bracket(list) => {
            let rows = list.iter().map(take).collect::<Result<Vec<_>, _>>()?;
            stacked(rows, tree.span(id))?
        }
        Kind::Call(name, args) => {
            let mut extents = Vec::new();
            for arg in args {
                let Item::Expr(e) = arg.value else { return Err(Refused::Formula) };
                let value = take(&e)?;
                let [n] = value.data[..] else { return Err(Refused::Formula) };
                if !(0.0..1e6).contains(&n) || n.fract() != 0.0 {
                    return Err(Refused::Formula);
                }
                extents.push(n as usize);
            }
            let made = match (name.text.as_str(), &extents[..]) {
                ("eye", &[n]) => Constant::filled(vec![n, n], |k| if k % (n + 1) == 0 { 1.0 } else { 0.0 }),
                ("zeros", _) => Constant::filled(extents, |_| 0.0),
                ("ones", _) => Constant::filled(extents, |_| 1.0),
                _ => return Err(Refused::Formula),
            };
            made.ok_or_else(|| {
                Refused::Wrong(Box::new(
                    Diagnostic::error("E0133", tree.span(id), "this value is too large for a case")
                        .help("large arrays are read from data, as in  --data x=x.npy"),
                ))
            })?
        }
        _ => return Err(Refused::Formula),
    })
}

fn stacked(rows: Vec<Constant>, span: Span) -> Result<Constant, Refused> {
    let Some(first) = rows.first() else { return Ok(Constant { shape: vec![0], data: Vec::new() }) };
    let inner = first.shape.clone();
    if let Some(odd) = rows.iter().find(|r| r.shape != inner) {
        let shown = |s: &[usize]| match s {
            [] => "a number".to_string(),
            _ => format!("[{}]", s.iter().map(usize::to_string).collect::<Vec<_>>().join(",")),
        };
        return Err(Refused::Wrong(Box::new(
            Diagnostic::error(
                "E0130",
                span,
                format!("the rows of this array differ: {} and {}", shown(&inner), shown(&odd.shape)),
            )
            .help("every row has as many entries as the first"),
        )));
    }
    let mut shape = vec![rows.len()];
    shape.extend(&inner);
    Ok(Constant { shape, data: rows.into_iter().flat_map(|r| r.data).collect() })
}
