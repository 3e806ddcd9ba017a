//! Values that are typed beside a case: `x = [1, 2]`, or an array that was read from data.

use crate::ast::{Name, Side};
use crate::case::Case;
use crate::diagnostic::Diagnostic;
use crate::formula::has_errors;
use crate::parse::parse_formula;
use crate::query::Refusal;
use crate::scope::Scope;
use crate::source::{Source, Span};
use crate::value::{Constant, Refused, constant};
use std::collections::BTreeMap;

/// Reads `x = [1, 2]`: a name and its value.
///
/// ```
/// let (name, value) = chainrule_lang::assign::assignment("x = [1, 1/2]").unwrap();
/// assert_eq!((name.as_str(), value.data), ("x", vec![1.0, 0.5]));
/// ```
///
/// # Errors
/// [`Refusal`] for a text of another form, or a value that is no constant.
pub fn assignment(text: &str) -> Result<(String, Constant), Box<Refusal>> {
    let source = Source::new("<value>", text.trim());
    let refuse = |diagnostics| Err(Box::new(Refusal { source: source.clone(), diagnostics }));
    let whole = Span::new(0, source.text.len());
    let (read, diagnostics) = parse_formula(&source);
    let Some((tree, equation)) = read.filter(|_| !has_errors(&diagnostics)) else {
        return refuse(diagnostics);
    };
    let form = "a name and its value are expected";
    let ([Side::Expr(left), Side::Expr(right)], true) = (&equation.sides[..], equation.holding.is_empty())
    else {
        return refuse(vec![Diagnostic::error("E0131", whole, form).help("x = [1, 2]")]);
    };
    let name = source.slice(tree.span(*left)).trim();
    if !matches!(tree.kind(*left), crate::ast::Kind::Name(_)) {
        let wrong = Diagnostic::error("E0131", tree.span(*left), format!("`{name}` is no name: {form}"));
        return refuse(vec![wrong.help("x = [1, 2]")]);
    }
    match constant(&tree, *right, &BTreeMap::new()) {
        Ok(value) => Ok((name.to_string(), value)),
        Err(Refused::Wrong(wrong)) => refuse(vec![*wrong]),
        Err(Refused::Formula) => {
            let wrong =
                Diagnostic::error("E0131", tree.span(*right), format!("the value of {name} is no constant"));
            refuse(vec![wrong.help("numbers, fractions, [..] of them, eye(3), zeros(3), inf, nan")])
        }
    }
}

impl Case {
    /// The case with further values; of two values of one name the later stands.
    ///
    /// # Errors
    /// Everything that does not fit the declarations or the other values.
    pub fn with(&self, scope: &Scope, values: &[(String, Constant)]) -> Result<Case, Vec<Diagnostic>> {
        let mut case = Case { name: self.name.clone(), ..Case::default() };
        let mut wrong = Vec::new();
        let mut latest: indexmap::IndexMap<&str, &Constant> = indexmap::IndexMap::new();
        for (name, value) in values {
            latest.insert(name, value);
        }
        for (name, value) in latest {
            let name = Name { text: name.to_string(), span: Span::default() };
            wrong.extend(case.put(scope, &name, value.clone()));
        }
        for (name, (value, span)) in &self.values {
            if !case.values.contains_key(name) {
                wrong.extend(case.put(scope, &Name { text: name.clone(), span: *span }, value.clone()));
            }
        }
        for (size, value) in &self.sizes {
            case.sizes.entry(size.clone()).or_insert(*value);
        }
        case.check_labels(scope, &mut wrong);
        if wrong.is_empty() { Ok(case) } else { Err(wrong) }
    }
}
