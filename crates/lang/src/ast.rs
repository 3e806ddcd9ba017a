//! The tree of a `.chain` file: items with spans, expressions in one flat list.
//!
//! Expressions stand in one list, operands before their users, so that no pass over them recurses and a formula of a
//! hundred thousand terms costs no stack. The tree holds what was written and no more: which names are declared, what
//! binds an index and what a bracket means is decided when the tree is elaborated, so that the formatter can print
//! every file, a wrong one included.

use crate::source::Span;
use chainrule_core::rational::Rational;

/// Position of an expression in the list of its tree.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExprId(pub u32);

/// A name and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// Letters, digits, underscores.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// Expressions, operands before users.
#[derive(Clone, Default, Debug)]
pub struct Tree {
    exprs: Vec<Expr>,
}

impl Tree {
    /// Adds an expression whose operands are there.
    pub fn push(&mut self, kind: Kind, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.exprs.len()).expect("invariant: a source is shorter than 4 GiB"));
        self.exprs.push(Expr { kind, span });
        id
    }

    /// An expression.
    pub fn get(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }

    /// What an expression is.
    pub fn kind(&self, id: ExprId) -> &Kind {
        &self.get(id).kind
    }

    /// Where an expression stands.
    pub fn span(&self, id: ExprId) -> Span {
        self.get(id).span
    }

    /// Widens where an expression stands: brackets around it belong to it.
    pub(crate) fn widen(&mut self, id: ExprId, span: Span) {
        let expr = &mut self.exprs[id.0 as usize];
        expr.span = expr.span.to(span);
    }

    /// Forgets the expressions from this one on, because they are read another way.
    pub(crate) fn truncate(&mut self, from: usize) {
        self.exprs.truncate(from);
    }

    /// How many expressions there are.
    pub fn len(&self) -> usize {
        self.exprs.len()
    }

    /// True before the first expression.
    pub fn is_empty(&self) -> bool {
        self.exprs.is_empty()
    }
}

/// An expression and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// An exact number: `1`, `0.1`, `2e-3`.
    Number(Rational),
    /// `"text"`, without its quotes.
    Text(String),
    /// A name alone.
    Name(String),
    /// `f(x, axis=0)`; binders such as `sum(j, e)` and `sum(j=0..n-1, e)` are calls as well.
    Call(Name, Vec<Arg>),
    /// `x[i, :, 1..3]`
    Index(ExprId, Vec<Item>),
    /// `V'`
    Transpose(ExprId),
    /// `-x`
    Negative(ExprId),
    /// `not c`
    Not(ExprId),
    /// Two operands and the operator between them, with where the operator stands.
    Binary(Operator, Span, ExprId, ExprId),
    /// `a if c else b`, as `(a, c, b)`; `cases(c: a, else: b)` as well.
    If(ExprId, ExprId, ExprId),
    /// `[a, b]`: an array, or the Iverson bracket of one condition.
    Bracket(Vec<ExprId>),
    /// `dy[i]/dV[j,k]`, `d(f)/d(x)`, `d2f/dx[i]dx[j]`.
    Derivative(Box<Derivative>),
}

/// An argument of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Arg {
    /// `axis=` or `x:`.
    pub key: Option<(Name, KeyMark)>,
    /// What is passed.
    pub value: Item,
}

/// How the key of an argument is set off.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeyMark {
    /// `axis = 0`, `j = 0..n-1`
    Equals,
    /// `x : u`
    Colon,
}

/// What stands between brackets of an index, or after a key.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Item {
    /// An expression.
    Expr(ExprId),
    /// `low..high`, both included.
    Range(ExprId, ExprId),
    /// `:`, a whole axis.
    All(Span),
}

/// Operators between two operands.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Times,
    /// `/`
    Over,
    /// `@`, `·`, `⋅`
    Dot,
    /// `.*`, `⊙`
    Each,
    /// `./`
    OverEach,
    /// `^`, `**`
    Power,
    /// `.^`
    PowerEach,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `and`
    And,
    /// `or`
    Or,
}

/// A derivative as it was written.
///
/// Whether `dl/dz` is one, or a fraction of two variables `dl` and `dz`, depends on what is declared; so the names are
/// kept without their `d`, and the elaboration decides.
#[derive(Clone, PartialEq, Debug)]
pub struct Derivative {
    /// `2` in `d2f/dx[i]dx[j]`; else the number of denominators.
    pub order: u32,
    /// What is differentiated.
    pub numerator: Part,
    /// By what, from left to right.
    pub denominators: Vec<Part>,
    /// Written `∂` or `\partial` or `d( )`: surely a derivative, never a fraction of variables.
    pub explicit: bool,
}

/// Numerator or denominator of a derivative.
#[derive(Clone, PartialEq, Debug)]
pub enum Part {
    /// `dy[i]`: the name without its `d`, and its indices.
    Named(Name, Vec<Item>),
    /// `d(expr)`
    Expr(ExprId),
}

/// A file.
#[derive(Clone, Default, Debug)]
pub struct File {
    /// All expressions of the file.
    pub tree: Tree,
    /// Items at the top.
    pub items: Vec<Entry>,
    /// Comments in order, `#` included, for the formatter.
    pub comments: Vec<Name>,
}

/// An item and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Where, from its first word to its last.
    pub span: Span,
}

/// What an item is.
#[derive(Clone, PartialEq, Debug)]
pub enum EntryKind {
    /// `index base 1`, `layout denominator`, `einstein on`, `title "…"`, `grading follow-through`, `feedback hint`.
    Setting(Setting),
    /// `problem 1.1 "Losses" points 3 { … }`
    Problem(Problem),
    /// `dim m, n where m == n`
    Dim {
        /// Sizes.
        names: Vec<Name>,
        /// A relation between them.
        condition: Option<ExprId>,
    },
    /// `var x, y : real[n]`
    Declaration {
        /// `var`, `const` or `param`.
        role: Role,
        /// Names of this type.
        names: Vec<Name>,
        /// The type.
        ty: TypeExpr,
    },
    /// `def y[i] = …`
    Def {
        /// Name, indices, ranges.
        left: Left,
        /// What it stands for.
        value: ExprId,
    },
    /// `let J_q = dz/dq`
    Let {
        /// The nickname.
        name: Name,
        /// What it stands for.
        value: ExprId,
    },
    /// `assume x > 0`
    Assume(ExprId),
    /// `case N0 { x = [1, 2]; n = 2 }`
    Case {
        /// Its name.
        name: Name,
        /// Values by name.
        values: Vec<(Name, ExprId)>,
    },
    /// `claim b: lhs = rhs given c points 0.5`
    Claim(Claim),
    /// `expect N0: p = [-2,5,3] tol 4 digits points 1`
    Expect(Expect),
    /// `answer 1.1b: …`
    Answer {
        /// Of which claim.
        label: Name,
        /// The learner's equation; one side alone is a value.
        equation: Equation,
    },
    /// `derive e`, `explain e at N0`, `check a`: requests, run by the command that fits them.
    Ask(Ask),
    /// An item with a mistake in its writing, which was told. The formatter keeps its text as it is, and a later use
    /// of a name that it would have declared is not a mistake of its own.
    Unread {
        /// What it would have declared or defined, as far as that could be read.
        names: Vec<Name>,
        /// Its text.
        text: String,
    },
}

/// A setting.
#[derive(Clone, PartialEq, Debug)]
pub enum Setting {
    /// `index base 0`
    IndexBase(i64),
    /// `layout denominator`; true is numerator, the default.
    NumeratorLayout(bool),
    /// `einstein on`
    Einstein(bool),
    /// `title "…"`
    Title(String),
    /// `grading follow-through`
    FollowThrough,
    /// `feedback hint`
    Feedback(Name),
}

/// `problem 1.1 "Losses" points 3 { … }`
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// `1.1`
    pub label: Name,
    /// `"Losses"`
    pub title: Option<String>,
    /// Credit of the whole problem.
    pub points: Option<Rational>,
    /// What stands in it.
    pub items: Vec<Entry>,
}

/// How a declared name is used.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// A variable.
    Var,
    /// Never differentiated.
    Const,
    /// A parameter: a variable that training changes.
    Param,
}

/// A written type.
#[derive(Clone, PartialEq, Debug)]
pub struct TypeExpr {
    /// `real`, `bool` or `index[n]`.
    pub base: BaseType,
    /// Extents of its axes.
    pub dims: Vec<ExprId>,
    /// Where.
    pub span: Span,
}

/// The entries of a type.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum BaseType {
    /// Real numbers.
    Real,
    /// Truth values.
    Bool,
    /// Labels below a size.
    Index(ExprId),
}

/// The left side of a definition.
#[derive(Clone, PartialEq, Debug)]
pub struct Left {
    /// What is defined.
    pub name: Name,
    /// Its indices with stated ranges.
    pub indices: Vec<(Name, Option<(ExprId, ExprId)>)>,
}

/// `a = b = c holding h`; a side `?` is left to the learner.
#[derive(Clone, PartialEq, Debug)]
pub struct Equation {
    /// From left to right; at least one.
    pub sides: Vec<Side>,
    /// Names held fixed.
    pub holding: Vec<Name>,
    /// Where.
    pub span: Span,
}

/// One side of an equation.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Side {
    /// A formula.
    Expr(ExprId),
    /// `?`
    Asked(Span),
}

/// `claim b: …`
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    /// `b`
    pub label: Option<Name>,
    /// What is claimed.
    pub equation: Equation,
    /// Where it is claimed.
    pub given: Option<ExprId>,
    /// Credit.
    pub points: Option<Rational>,
}

/// `expect N0: p = [-2,5,3] tol 4 digits`
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// The case.
    pub case: Name,
    /// What is evaluated.
    pub left: ExprId,
    /// What it should be.
    pub right: ExprId,
    /// How near.
    pub tolerance: Option<Tolerance>,
    /// Credit.
    pub points: Option<Rational>,
}

/// How near a number must be.
#[derive(Clone, PartialEq, Debug)]
pub enum Tolerance {
    /// Absolute and relative.
    Number(Rational),
    /// Equal when printed with this many significant digits.
    Digits(u32),
    /// The rounding of the computation.
    Auto,
}

/// A request.
#[derive(Clone, PartialEq, Debug)]
pub enum Ask {
    /// `derive dl/dz holding h`
    Derive {
        /// What to derive.
        expr: ExprId,
        /// Names held fixed.
        holding: Vec<Name>,
    },
    /// `explain dlambda at N0`
    Explain {
        /// What to explain.
        expr: ExprId,
        /// With the numbers of this case.
        at: Option<Name>,
    },
    /// `check a`
    Check {
        /// The claim.
        label: Name,
    },
}
