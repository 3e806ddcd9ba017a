//! What went wrong while an expression was built: the error, the layer, the line, the operands and their origin.
//!
//! ```text
//! error[E0301]: `@` contracts the last axis of the left with the first axis of the right: 4 is not 3
//!   --> layer `mlp/2` (src/main.rs:50:77)
//!    left:  v     real[2,4]  param mlp/2/v
//!    right: relu  real[3]    output of mlp/1
//!    path:  mlp/2 <- mlp/1 <- mlp/0 <- x
//!   help: v should be real[2,3]
//! ```

use super::origin::Place;
use crate::error::Error;
use crate::shape::Type;
use std::fmt;

/// One operand of what went wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// Which operand: `left`, `right`, `first`.
    pub role: String,
    /// What it is called.
    pub name: String,
    /// Its type, when it has one.
    pub ty: Option<Type>,
    /// Where it comes from: `param mlp/2/v`, `output of mlp/1`.
    pub origin: String,
}

/// One mistake.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostic {
    /// What is wrong.
    pub error: Error,
    /// Path of the layer in which it happened; empty outside of all layers.
    pub layer: String,
    /// The line that asked for it.
    pub at: Place,
    /// The operands.
    pub notes: Vec<Note>,
    /// The layers that led here, nearest first.
    pub trail: Vec<String>,
    /// What to try, beyond what the error says.
    pub help: Option<String>,
}

/// Number of an error, stable across versions.
pub fn code(error: &Error) -> &'static str {
    match error {
        Error::Duplicate { .. } => "E0102",
        Error::Unknown { .. } => "E0103",
        Error::OutOfRange { .. } => "E0104",
        Error::NotDifferentiable { .. } => "E0120",
        Error::Label { .. } => "E0121",
        Error::LabelRange { .. } => "E0122",
        Error::NotScalar { .. } => "E0123",
        Error::ExtentsDiffer { .. } => "E0301",
        Error::ShapesDiffer { .. } => "E0302",
        Error::Rank { .. } => "E0305",
        Error::Axis { .. } => "E0306",
        Error::Arity { .. } => "E0307",
        Error::Entries { .. } => "E0308",
        Error::OtherGraph => "E0309",
        Error::EntryCount { .. } => "E0310",
        Error::Body { .. } => "E0311",
        Error::InUse => "E0312",
        Error::Scan { .. } => "E0313",
        Error::Bindings(_) => "E0401",
        Error::UnknownSize { .. } => "E0402",
        _ => "E0400",
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.error.to_string();
        let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
        write!(f, "error[{}]: {head}", code(&self.error))?;
        match self.layer.as_str() {
            "" => write!(f, "\n  --> {}", self.at)?,
            layer => write!(f, "\n  --> layer `{layer}` ({})", self.at)?,
        }
        self.write_notes(f)?;
        if self.trail.len() > 2 {
            write!(f, "\n   {:<6} {}", "path:", self.trail.join(" <- "))?;
        }
        if !rest.is_empty() {
            write!(f, "\n{rest}")?;
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl Diagnostic {
    /// Operands in columns.
    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<String> =
            self.notes.iter().map(|n| n.ty.as_ref().map_or("?".to_string(), Type::to_string)).collect();
        let names = self.notes.iter().map(|n| n.name.chars().count()).max().unwrap_or(0);
        let widest = types.iter().map(|t| t.chars().count()).max().unwrap_or(0);
        let roles = self.notes.iter().map(|n| n.role.chars().count() + 1).max().unwrap_or(0).max(6);
        for (note, ty) in self.notes.iter().zip(&types) {
            let role = format!("{}:", note.role);
            write!(f, "\n   {role:<roles$} {:<names$}  {ty:<widest$}  {}", note.name, note.origin)?;
        }
        Ok(())
    }
}

/// Every independent mistake, in the order in which they were made.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// The mistakes.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, diagnostic) in self.0.iter().enumerate() {
            write!(f, "{}{diagnostic}", if k > 0 { "\n\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Error> for Diagnostics {
    /// A mistake outside of any layer, at the caller's line.
    #[track_caller]
    fn from(error: Error) -> Diagnostics {
        let at = std::panic::Location::caller();
        let (layer, notes, trail) = (String::new(), Vec::new(), Vec::new());
        Diagnostics(vec![Diagnostic { error, layer, at, notes, trail, help: None }])
    }
}
