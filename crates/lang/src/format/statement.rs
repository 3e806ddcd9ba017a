//! Items as text.

use super::Writer;
use crate::ast::{
    Ask, BaseType, EntryKind, Equation, ExprId, Left, Name, Problem, Role, Setting, Side, Tolerance, TypeExpr,
};
use chainrule_core::rational::Rational;

/// `problem 1.1 "Losses" points 3 {`
pub(super) fn problem(problem: &Problem) -> String {
    let title = problem.title.as_ref().map_or(String::new(), |title| format!(" {}", quoted(title)));
    format!("problem {}{title}{} {{", problem.label.text, points(problem.points.as_ref()))
}

/// A text between quotation marks.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A number as a decimal; every number of a file was one.
pub(super) fn decimal(value: &Rational) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    let (mut scaled, mut digits) = (value.clone(), 0);
    while !scaled.is_integer() {
        scaled = &scaled * &Rational::from(10);
        digits += 1;
        // The literal had at most ten thousand digits and an exponent of at most 400.
        if digits > 11_000 {
            return value.to_string();
        }
    }
    if (7..=400).contains(&digits) {
        return format!("{scaled}e-{digits}");
    }
    let text = format!("{:0>width$}", scaled.to_string(), width = digits + 1);
    format!("{}.{}", &text[..text.len() - digits], &text[text.len() - digits..])
}

fn points(points: Option<&Rational>) -> String {
    points.map_or(String::new(), |points| format!(" points {}", decimal(points)))
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
    names.join(", ")
}

fn holding(held: &[Name]) -> String {
    if held.is_empty() { String::new() } else { format!(" holding {}", names(held)) }
}

impl Writer<'_> {
    /// An item that has no items in it.
    pub(super) fn statement(&self, kind: &EntryKind) -> String {
        match kind {
            EntryKind::Setting(setting) => self::setting(setting),
            EntryKind::Problem(inner) => problem(inner),
            EntryKind::Dim { names: sizes, condition } => {
                format!("dim {}{}", names(sizes), self.after(" where ", *condition))
            }
            EntryKind::Declaration { role, names: declared, ty } => {
                let role = match role {
                    Role::Var => "var",
                    Role::Const => "const",
                    Role::Param => "param",
                };
                format!("{role} {} : {}", names(declared), self.type_expr(ty))
            }
            EntryKind::Def { left, value } => format!("def {} = {}", self.left(left), self.formula(*value)),
            EntryKind::Let { name, value } => format!("let {} = {}", name.text, self.formula(*value)),
            EntryKind::Assume(condition) => format!("assume {}", self.formula(*condition)),
            EntryKind::Case { name, .. } => format!("case {} {{ }}", name.text),
            EntryKind::Claim(claim) => {
                let label = claim.label.as_ref().map_or(String::new(), |label| format!("{}: ", label.text));
                let equation = self.equation(&claim.equation);
                let given = self.after(" given ", claim.given);
                format!("claim {label}{equation}{given}{}", points(claim.points.as_ref()))
            }
            EntryKind::Expect(expect) => {
                let (left, right) = (self.formula(expect.left), self.formula(expect.right));
                let tolerance = match &expect.tolerance {
                    None => String::new(),
                    Some(Tolerance::Number(value)) => format!(" tol {}", decimal(value)),
                    Some(Tolerance::Digits(digits)) => format!(" tol {digits} digits"),
                    Some(Tolerance::Auto) => " tol auto".into(),
                };
                let case = &expect.case.text;
                format!("expect {case}: {left} = {right}{tolerance}{}", points(expect.points.as_ref()))
            }
            EntryKind::Answer { label, equation } => {
                format!("answer {}: {}", label.text, self.equation(equation))
            }
            EntryKind::Ask(Ask::Derive { expr, holding: held }) => {
                format!("derive {}{}", self.formula(*expr), holding(held))
            }
            EntryKind::Ask(Ask::Explain { expr, at }) => {
                let at = at.as_ref().map_or(String::new(), |at| format!(" at {}", at.text));
                format!("explain {}{at}", self.formula(*expr))
            }
            EntryKind::Ask(Ask::Check { label }) => format!("check {}", label.text),
            EntryKind::Unread { text, .. } => text.clone(),
        }
    }

    fn after(&self, word: &str, formula: Option<ExprId>) -> String {
        formula.map_or(String::new(), |id| format!("{word}{}", self.formula(id)))
    }

    /// The sides and what is held fixed.
    pub(super) fn equation(&self, equation: &Equation) -> String {
        let sides: Vec<String> = equation
            .sides
            .iter()
            .map(|side| match side {
                Side::Expr(id) => self.formula(*id),
                Side::Asked(_) => "?".into(),
            })
            .collect();
        sides.join(" = ") + &holding(&equation.holding)
    }

    fn type_expr(&self, ty: &TypeExpr) -> String {
        let base = match ty.base {
            BaseType::Real => "real".into(),
            BaseType::Bool => "bool".into(),
            BaseType::Index(below) => format!("index[{}]", self.tight(below)),
        };
        if ty.dims.is_empty() {
            return base;
        }
        let dims: Vec<String> = ty.dims.iter().map(|&id| self.tight(id)).collect();
        format!("{base}[{}]", dims.join(","))
    }

    fn left(&self, left: &Left) -> String {
        if left.indices.is_empty() {
            return left.name.text.clone();
        }
        let index = |(name, range): &(Name, Option<(ExprId, ExprId)>)| match range {
            None => name.text.clone(),
            Some((low, high)) => format!("{}={}..{}", name.text, self.tight(*low), self.tight(*high)),
        };
        let indices: Vec<String> = left.indices.iter().map(index).collect();
        format!("{}[{}]", left.name.text, indices.join(","))
    }
}

fn setting(setting: &Setting) -> String {
    match setting {
        Setting::IndexBase(base) => format!("index base {base}"),
        Setting::NumeratorLayout(true) => "layout numerator".into(),
        Setting::NumeratorLayout(false) => "layout denominator".into(),
        Setting::Einstein(true) => "einstein on".into(),
        Setting::Einstein(false) => "einstein off".into(),
        Setting::Title(title) => format!("title {}", quoted(title)),
        Setting::FollowThrough => "grading follow-through".into(),
        Setting::Feedback(how) => format!("feedback {}", how.text),
    }
}
