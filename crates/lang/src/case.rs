//! A case: numbers for the names of a problem.

use crate::ast::{ExprId, Name, Tree};
use crate::diagnostic::Diagnostic;
use crate::scope::{Meaning, Scope};
use crate::source::Span;
use crate::value::{Constant, Refused, constant};
use chainrule_core::eval::Bindings;
use chainrule_core::shape::{DType, Dim, Sizes};
use chainrule_core::tensor::{Tensor, Value};
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers for names, and the sizes that they determine.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Values in order of writing.
    pub values: IndexMap<String, (Constant, Span)>,
    /// Sizes that are given or that shapes determine.
    pub sizes: BTreeMap<String, i64>,
}

impl Case {
    /// Reads the values of a case and checks them against what is declared.
    pub(crate) fn read(
        scope: &Scope,
        tree: &Tree,
        name: &Name,
        values: &[(Name, ExprId)],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Case {
        let mut case = Case { name: name.text.clone(), ..Case::default() };
        for (name, value) in values {
            match constant(tree, *value, &case.sizes) {
                Ok(value) => {
                    if let Some(wrong) = case.put(scope, name, value) {
                        diagnostics.push(wrong);
                    }
                }
                Err(Refused::Wrong(wrong)) => diagnostics.push(*wrong),
                Err(Refused::Formula) => diagnostics.push(
                    Diagnostic::error(
                        "E0131",
                        tree.span(*value),
                        format!("the value of {} is no constant", name.text),
                    )
                    .help("numbers, fractions, [..] of them, eye(n), zeros(n), inf, nan"),
                ),
            }
        }
        case.check_labels(scope, diagnostics);
        case
    }

    /// Adds a value; says what does not fit.
    pub fn put(&mut self, scope: &Scope, name: &Name, value: Constant) -> Option<Diagnostic> {
        let shown = |shape: &[usize]| {
            let list: Vec<String> = shape.iter().map(usize::to_string).collect();
            if list.is_empty() { "a number".to_string() } else { format!("[{}]", list.join(",")) }
        };
        if self.values.contains_key(&name.text) {
            let wrong = Diagnostic::error("E0134", name.span, format!("{} has a value already", name.text));
            return Some(wrong.help("one value for each name; another case has values of its own"));
        }
        match scope.find(&name.text) {
            None => {
                let wrong = Diagnostic::error("E0103", name.span, format!("`{}` is not declared", name.text));
                return Some(match scope.instead_of(&name.text) {
                    None => wrong.help("a case gives values to inputs and sizes that are declared before it"),
                    Some(help) => wrong.help(help),
                });
            }
            Some(Meaning::Definition(_) | Meaning::Nickname(_)) => {
                return Some(
                    Diagnostic::error(
                        "E0134",
                        name.span,
                        format!("{} is defined: its value follows", name.text),
                    )
                    .help(format!("expect {}: {} = ...  states what it should be", self.name, name.text)),
                );
            }
            Some(Meaning::Size(dim)) => {
                let (Some(size), [n]) = (dim.as_name(), &value.data[..]) else {
                    let message = format!("{} is a size: its value is a whole number", name.text);
                    return Some(
                        Diagnostic::error("E0132", name.span, message)
                            .help(format!("as in  {} = 3", name.text)),
                    );
                };
                if *n < 0.0 || n.fract() != 0.0 || *n > 1e9 || !value.shape.is_empty() {
                    let message = format!("{} is a size: its value is a whole number, 0 or more", name.text);
                    return Some(
                        Diagnostic::error("E0132", name.span, message)
                            .help(format!("as in  {} = 3", name.text)),
                    );
                }
                if let Some(wrong) = self.agree(size, *n as i64, name) {
                    return Some(wrong);
                }
            }
            Some(Meaning::Input(node, _)) => {
                let ty = scope.graph.ty(*node);
                let mut value = value;
                // The row `[]` of a matrix with no rows says its first extent only.
                if value.shape == [0] && ty.rank() > 1 {
                    value.shape = ty
                        .shape
                        .iter()
                        .enumerate()
                        .map(|(k, d)| if k == 0 { 0 } else { self.known(d).unwrap_or(0) as usize })
                        .collect();
                }
                if value.shape.len() != ty.rank() {
                    return Some(
                        Diagnostic::error(
                            "E0132",
                            name.span,
                            format!("{} : {ty}, its value is {}", name.text, shown(&value.shape)),
                        )
                        .help("as many nested brackets as axes"),
                    );
                }
                let axes: Vec<(Dim, usize)> =
                    ty.shape.iter().cloned().zip(value.shape.iter().copied()).collect();
                for (dim, extent) in axes {
                    if let Some(size) = dim.as_name() {
                        if let Some(wrong) = self.agree(size, extent as i64, name) {
                            return Some(wrong);
                        }
                    } else if self.known(&dim).is_some_and(|n| n != extent as i64) {
                        let message = format!(
                            "{} : {ty}, its value has {extent} entries where {dim} is {}",
                            name.text,
                            self.known(&dim).unwrap_or(0)
                        );
                        return Some(
                            Diagnostic::error("E0132", name.span, message)
                                .help("sizes follow from the values before, or are given:  n = 3"),
                        );
                    }
                }
                if ty.dtype != DType::Real && value.data.iter().any(|x| x.fract() != 0.0 || !x.is_finite()) {
                    let (kind, help) = match ty.dtype {
                        DType::Bool => ("true or false", "true and false, or 1 and 0"),
                        _ => ("whole numbers", "labels count from the index base of the file"),
                    };
                    let message = format!("{} : {ty}, its values are {kind}", name.text);
                    return Some(Diagnostic::error("E0132", name.span, message).help(help));
                }
                self.values.insert(name.text.clone(), (value, name.span));
            }
        }
        None
    }

    fn known(&self, dim: &Dim) -> Option<i64> {
        let sizes: Sizes = self.sizes.iter().map(|(k, v)| (Arc::from(k.as_str()), *v)).collect();
        dim.evaluate(&sizes).ok()
    }

    /// A size has one value in a case.
    fn agree(&mut self, size: &Arc<str>, value: i64, name: &Name) -> Option<Diagnostic> {
        match self.sizes.get(&**size) {
            Some(known) if *known != value => Some(
                Diagnostic::error(
                    "E0132",
                    name.span,
                    format!("{} makes {size} = {value}, but it is {known} already", name.text),
                )
                .help("values of one case have the same sizes"),
            ),
            _ => {
                self.sizes.insert(size.to_string(), value);
                None
            }
        }
    }

    /// Labels lie inside the axis they select from.
    pub(crate) fn check_labels(&self, scope: &Scope, diagnostics: &mut Vec<Diagnostic>) {
        let base = scope.settings.base;
        for (name, (value, span)) in &self.values {
            let Some(Meaning::Input(node, _)) = scope.find(name) else { continue };
            let Some(below) = scope.graph.below(*node).and_then(|d| self.known(&d)) else { continue };
            let found = value.data.iter().map(|x| *x as i64).find(|x| !(0..below).contains(&(x - base)));
            if let Some(found) = found {
                let range = format!("{base} .. {}", below - 1 + base);
                diagnostics.push(
                    Diagnostic::error(
                        "E0122",
                        *span,
                        format!("{name} = {found} is no label: labels are {range}"),
                    )
                    .help("labels count from the index base of the file"),
                );
            }
        }
    }

    /// The values as the evaluator takes them.
    pub fn bindings(&self, scope: &Scope) -> Bindings<f64> {
        let mut bindings = Bindings::new();
        for (name, (value, _)) in &self.values {
            let Some(Meaning::Input(node, _)) = scope.find(name) else { continue };
            let base = scope.settings.base;
            let value = match scope.graph.ty(*node).dtype {
                DType::Real => Value::Real(tensor(&value.shape, value.data.clone())),
                DType::Int => {
                    Value::Int(tensor(&value.shape, value.data.iter().map(|x| *x as i64 - base).collect()))
                }
                DType::Bool => {
                    Value::Bool(tensor(&value.shape, value.data.iter().map(|x| *x != 0.0).collect()))
                }
            };
            bindings.bind(name, value);
        }
        for (size, value) in &self.sizes {
            bindings = bindings.with_size(size, *value);
        }
        bindings
    }
}

fn tensor<T>(shape: &[usize], data: Vec<T>) -> Tensor<T> {
    Tensor::new(shape, data).expect("invariant: a constant has as many entries as its shape says")
}
