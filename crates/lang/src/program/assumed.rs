//! What assumptions say about an input alone: `assume s > 0`, `assume S == S'`.
//!
//! Such an assumption becomes a fact of the input, which proofs may use and which the points of a search obey. Every
//! other assumption stays a condition that points are tested for.

use crate::ast::{Entry, EntryKind, ExprId, Kind, Operator, Tree};
use chainrule_core::graph::op::Facts;
use chainrule_core::shape::{DType, Type};

/// The facts that the assumptions among some items state about an input, as far as its type can have them.
pub(super) fn facts(tree: &Tree, items: &[Entry], input: &str, ty: &Type, mut facts: Facts) -> Facts {
    let mut open: Vec<ExprId> = items
        .iter()
        .filter_map(
            |entry| if let EntryKind::Assume(condition) = &entry.kind { Some(*condition) } else { None },
        )
        .collect();
    let is_input = |id: ExprId| matches!(tree.kind(id), Kind::Name(name) if name == input);
    let is_zero = |id: ExprId| matches!(tree.kind(id), Kind::Number(value) if value.is_zero());
    let is_transpose = |id: ExprId| matches!(tree.kind(id), Kind::Transpose(inner) if is_input(*inner));
    while let Some(id) = open.pop() {
        let Kind::Binary(operator, _, a, b) = *tree.kind(id) else { continue };
        match operator {
            Operator::And => open.extend([a, b]),
            Operator::Greater => facts.positive |= is_input(a) && is_zero(b),
            Operator::Less => facts.positive |= is_zero(a) && is_input(b),
            Operator::Equal => {
                facts.symmetric |= is_input(a) && is_transpose(b) || is_transpose(a) && is_input(b);
            }
            _ => {}
        }
    }
    let real = ty.dtype == DType::Real;
    let square = matches!(&ty.shape[..], [a, b] if a == b);
    Facts { positive: facts.positive && real, symmetric: facts.symmetric && real && square, ..facts }
}
