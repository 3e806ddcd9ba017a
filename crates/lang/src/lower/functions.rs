//! The functions of the language: one record each, with how it is written and what it is.
//!
//! Elementwise functions are the core's maps. Reductions, contractions and constructors are written out in index
//! notation here; what has a stable kernel (softmax, log-sum-exp, linear algebra) becomes the core's node.

mod arrays;
mod build;
mod reductions;

use super::Lowering;
use super::piece::{Body, Piece, Worth};
use super::resolve::Reading;
use crate::ast::{Arg, ExprId, Item, Kind, Name};
use crate::diagnostic::Diagnostic;
use crate::scope::nearest;
use crate::source::{Span, bare};
use chainrule_core::error::Error;
use chainrule_core::form::read::Node;
use chainrule_core::ops::map::Map;

/// A function: how it is written, what it is, how a call becomes a piece.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    pub(crate) make: Make,
}

/// How a call becomes a piece.
#[derive(Copy, Clone)]
pub(crate) enum Make {
    /// An elementwise function of the core, with this many arguments.
    Map(usize),
    /// Anything else.
    Build(for<'c> fn(&mut Lowering<'_, '_>, &Call<'c>) -> Option<Piece>),
}

/// A call under way: its arguments that are values, in order, and those with keys.
pub(crate) struct Call<'c> {
    pub(crate) name: &'c Name,
    pub(crate) args: &'c [Arg],
    pub(crate) span: Span,
}

macro_rules! maps {
    ($($name:literal $arity:literal $usage:literal $about:literal;)*) => {
        &[$(Function { name: $name, usage: $usage, about: $about, make: Make::Map($arity) },)*]
    };
}

/// Elementwise functions.
pub const ELEMENTWISE: &[Function] = maps! {
    "exp" 1 "exp(x)" "exponential";
    "log" 1 "log(x)" "natural logarithm";
    "ln" 1 "ln(x)" "natural logarithm, another name of log";
    "log1p" 1 "log1p(x)" "log(1 + x), accurate near 0";
    "expm1" 1 "expm1(x)" "exp(x) - 1, accurate near 0";
    "sqrt" 1 "sqrt(x)" "square root";
    "cbrt" 1 "cbrt(x)" "cube root";
    "recip" 1 "recip(x)" "1 / x";
    "sin" 1 "sin(x)" "sine";
    "cos" 1 "cos(x)" "cosine";
    "tan" 1 "tan(x)" "tangent";
    "asin" 1 "asin(x)" "inverse sine";
    "acos" 1 "acos(x)" "inverse cosine";
    "atan" 1 "atan(x)" "inverse tangent";
    "atan2" 2 "atan2(y, x)" "angle of the point (x, y)";
    "sinh" 1 "sinh(x)" "hyperbolic sine";
    "cosh" 1 "cosh(x)" "hyperbolic cosine";
    "tanh" 1 "tanh(x)" "hyperbolic tangent";
    "asinh" 1 "asinh(x)" "inverse hyperbolic sine";
    "sigmoid" 1 "sigmoid(x)" "1 / (1 + exp(-x))";
    "softplus" 1 "softplus(x)" "log(1 + exp(x))";
    "erf" 1 "erf(x)" "error function";
    "lgamma" 1 "lgamma(x)" "logarithm of the absolute value of the gamma function";
    "digamma" 1 "digamma(x)" "derivative of lgamma";
    "polygamma" 2 "polygamma(m, x)" "m-th derivative of digamma";
    "abs" 1 "abs(x)" "absolute value";
    "sign" 1 "sign(x)" "-1, 0 or 1";
    "floor" 1 "floor(x)" "largest whole number not above";
    "ceil" 1 "ceil(x)" "smallest whole number not below";
    "round" 1 "round(x)" "nearest whole number, halves to even";
    "relu" 1 "relu(x)" "x where x > 0, else 0";
    "gelu" 1 "gelu(x)" "x times the normal distribution function of x";
    "silu" 1 "silu(x)" "x sigmoid(x)";
    "clip" 3 "clip(x, a, b)" "x kept between a and b";
    "maximum" 2 "maximum(x, y)" "larger of two, elementwise";
    "minimum" 2 "minimum(x, y)" "smaller of two, elementwise";
    "pow" 2 "pow(x, y)" "x to the power of y, elementwise";
};

macro_rules! built {
    ($($name:literal $make:path, $usage:literal $about:literal;)*) => {
        &[$(Function { name: $name, usage: $usage, about: $about, make: Make::Build($make) },)*]
    };
}

/// Everything else.
pub const OTHERS: &[Function] = built! {
    "sum" reductions::sum, "sum(j, e)  sum(x)  sum(x, axis=0)" "sum over an index, or of the entries";
    "prod" reductions::prod, "prod(j, e)  prod(x)" "product over an index, or of the entries";
    "mean" reductions::mean, "mean(j, e)  mean(x)" "mean over an index, or of the entries";
    "var" reductions::var, "var(x)  var(x, axis=0)" "mean of the squared distances from the mean";
    "max" reductions::max, "max(j, e)  max(x)  max(x, y)" "largest over an index, of the entries, or of two";
    "min" reductions::min, "min(j, e)  min(x)  min(x, y)" "smallest over an index, of the entries, or of two";
    "argmax" reductions::argmax, "argmax(x)  argmax(j, e)" "position of the largest entry, the first of equals";
    "argmin" reductions::argmin, "argmin(x)  argmin(j, e)" "position of the smallest entry, the first of equals";
    "norm" reductions::norm, "norm(x)  norm(A, axis=all)" "square root of the sum of squares";
    "norm1" reductions::norm1, "norm1(x)" "sum of the absolute values";
    "cumsum" reductions::cumsum, "cumsum(x)  cumsum(x, axis=0)" "sums of the first entries";
    "softmax" reductions::softmax, "softmax(z)" "exp(z[i]) / sum(j, exp(z[j])), over the last axis";
    "log_softmax" reductions::log_softmax, "log_softmax(z)" "logarithm of softmax";
    "logsumexp" reductions::logsumexp, "logsumexp(z)" "log(sum(j, exp(z[j]))), over the last axis";
    "delta" build::delta, "delta(i, j)" "1 where i = j, else 0";
    "where" build::select, "where(c, a, b)" "a where c holds, else b";
    "matmul" arrays::matmul, "matmul(A, B)" "A @ B";
    "dot" arrays::matmul, "dot(x, y)" "x @ y";
    "outer" arrays::outer, "outer(x, y)" "all products x[i] * y[j]";
    "kron" arrays::kron, "kron(A, B)" "Kronecker product";
    "trace" arrays::trace, "trace(A)" "sum(i, A[i,i])";
    "diag" arrays::diag, "diag(x)  diag(A)" "matrix with this diagonal; diagonal of a matrix";
    "einsum" arrays::einsum, "einsum(\"ij,jk->ik\", A, B)" "sum over the letters that are not in the result";
    "transpose" arrays::transpose, "transpose(x, [1,0,2])" "axes in another order";
    "reshape" arrays::reshape, "reshape(x, [3, 2])" "the same entries, other axes";
    "concat" arrays::concat, "concat(x, y, axis=0)" "one after the other along an axis";
    "stack" arrays::stack, "stack(x, y)" "side by side along a new first axis";
    "det" arrays::det, "det(A)" "determinant";
    "logdet" arrays::logdet, "logdet(A)" "logarithm of the absolute value of the determinant";
    "inv" arrays::inv, "inv(A)" "inverse";
    "solve" arrays::solve, "solve(A, b)" "x with A @ x = b";
    "cholesky" arrays::cholesky, "cholesky(A)" "lower L with L @ L' = A";
    "eye" build::eye, "eye(n)" "identity matrix";
    "zeros" build::zeros, "zeros(m, n)" "an array of zeros";
    "ones" build::ones, "ones(m, n)" "an array of ones";
    "onehot" build::onehot, "onehot(y)" "1 at the label, 0 elsewhere";
    "jvp" build::directional, "jvp(f, x: u)" "derivative of f in the direction u of x";
    "vjp" build::directional, "vjp(g, f, x)" "derivative of f by x, summed against g";
    "hvp" build::directional, "hvp(f, x: u)" "Hessian of f times the direction u";
    "grad" build::directional, "grad(f, x)" "derivative of a number f by x";
};

/// A function by name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    ELEMENTWISE.iter().chain(OTHERS).find(|f| f.name == name)
}

/// Whether a name is a function's.
pub(crate) fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// Names that a formula may use in place of a value: `axis=all`.
pub(crate) fn is_word(arg: &Arg, kind: &Kind) -> bool {
    arg.key.as_ref().is_some_and(|(key, _)| key.text == "axis") && matches!(kind, Kind::Name(w) if w == "all")
}

/// Arguments that are read, not lowered: texts, lists of axes and extents, `all`.
pub(crate) fn is_read(name: &str, arg: &Arg, kind: &Kind) -> bool {
    match kind {
        Kind::Text(_) => true,
        Kind::Bracket(_) => {
            matches!(name, "reshape" | "transpose" | "zeros" | "ones" | "eye")
                || arg.key.as_ref().is_some_and(|(key, _)| key.text == "axis")
        }
        _ => is_word(arg, kind),
    }
}

impl Lowering<'_, '_> {
    pub(crate) fn call(&mut self, id: ExprId, name: &Name, args: &[Arg]) -> Option<Piece> {
        let span = self.span(id);
        let call = Call { name, args, span };
        if let Reading::Binder(letters) = self.reading(id).clone() {
            return self.binder(&call, &letters);
        }
        if self.scope.find(&name.text).is_some() {
            let inside = self.source(Span::new(name.span.end, span.end)).to_string();
            return self.refuse(
                Diagnostic::error("E0011", name.span, format!("missing operator: `{}`", self.source(span)))
                    .help(format!("{0} * {inside}  for a product,  {0}[...]  for an entry", name.text)),
            );
        }
        let Some(function) = find(&name.text) else {
            let all = ELEMENTWISE.iter().chain(OTHERS).map(|f| f.name);
            let near = nearest(&name.text, all);
            let mut wrong =
                Diagnostic::error("E0103", name.span, format!("there is no function {}", name.text));
            wrong = match near.is_empty() {
                false => wrong.help(format!("did you mean {}?", near.join(", "))),
                true => wrong.help(format!(
                    "{0} * (...)  for a product;  `chainrule functions`  lists all functions",
                    name.text
                )),
            };
            return self.refuse(wrong);
        };
        match function.make {
            Make::Map(arity) => self.elementwise(&call, function, arity),
            Make::Build(make) => make(self, &call),
        }
    }

    fn elementwise(&mut self, call: &Call<'_>, function: &Function, arity: usize) -> Option<Piece> {
        let pieces = self.values(call)?;
        if pieces.len() != arity || call.args.iter().any(|a| a.key.is_some()) {
            return self.misused(call);
        }
        self.mapped(function.name, pieces, call.span)
    }

    /// A map of the core over equal shapes.
    pub(crate) fn mapped(&mut self, name: &str, pieces: Vec<Piece>, span: Span) -> Option<Piece> {
        for piece in &pieces {
            self.refuse_row(piece, span)?;
            if piece.worth == Worth::Truth {
                let source = self.source(piece.span).to_string();
                return self.refuse(
                    Diagnostic::error(
                        "E0111",
                        piece.span,
                        format!("`{source}` is a condition, not a number"),
                    )
                    .help(format!("write it in brackets, which are 1 where it holds:  [{}]", bare(&source))),
                );
            }
        }
        let word = match name {
            "ln" => "log",
            "maximum" => "max",
            "minimum" => "min",
            other => other,
        };
        debug_assert!(
            Map::by_name(word).is_some(),
            "invariant: elementwise functions are maps of the core: {word}"
        );
        let (pieces, axes) = self.together(pieces, span)?;
        let list = pieces.iter().map(|p| self.tree_of(p)).collect();
        let at = self.sheet.push(Node::Call(word.to_string(), list), span);
        Some(Piece { body: Body::Tree(at), axes, worth: Worth::Real, span, dim: None, row: false })
    }

    // ---------------------------------------------------------------- arguments

    /// Every argument without a key, as pieces.
    pub(crate) fn values(&mut self, call: &Call<'_>) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        for arg in call.args.iter().filter(|a| a.key.is_none()) {
            match arg.value {
                Item::Expr(e) => pieces.push(self.take(e)),
                _ => return self.misused(call),
            }
        }
        pieces.into_iter().collect()
    }

    /// The only argument without a key.
    pub(crate) fn value(&mut self, call: &Call<'_>) -> Option<Piece> {
        let mut pieces = self.values(call)?;
        match (pieces.pop(), pieces.is_empty()) {
            (Some(piece), true) => Some(piece),
            _ => self.misused(call),
        }
    }

    /// Says how a function is written.
    pub(crate) fn misused<T>(&mut self, call: &Call<'_>) -> Option<T> {
        let usage = find(&call.name.text).map_or("", |f| f.usage);
        self.refuse(
            Diagnostic::error(
                "E0115",
                call.span,
                format!("{} does not take these arguments", call.name.text),
            )
            .help(format!("it is written  {usage}")),
        )
    }

    /// An argument with this key.
    pub(crate) fn key<'c>(&self, call: &Call<'c>, key: &str) -> Option<&'c Item> {
        call.args.iter().find(|a| a.key.as_ref().is_some_and(|(k, _)| k.text == key)).map(|a| &a.value)
    }

    /// A list of whole numbers and sizes, as in `reshape(x, [3, n])`.
    pub(crate) fn list(&mut self, e: ExprId, call: &Call<'_>) -> Option<Vec<chainrule_core::shape::Dim>> {
        let items = match self.tree.kind(e) {
            Kind::Bracket(items) => items.clone(),
            _ => vec![e],
        };
        let mut dims = Vec::new();
        for item in items {
            match self.take(item)?.dim {
                Some(dim) => dims.push(dim),
                None => return self.misused(call),
            }
        }
        Some(dims)
    }
}

/// A mistake that the core found: its sentence, with what it says to try.
pub(crate) fn from_core(error: &Error, span: Span, text: &str) -> Diagnostic {
    let at = match error {
        Error::Syntax { at, .. } if *at < text.len() && span.start <= *at && *at < span.end => {
            Span::new(*at, span.end)
        }
        _ => span,
    };
    let whole = match error {
        Error::Syntax { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let mut lines = whole.lines();
    // What has a code of its own in the language keeps it, whoever found it.
    let code = match &whole {
        w if w.contains("outside the axis of") => "E0104",
        w if w.contains("is not an index term") => "E0113",
        _ => chainrule_core::expr::code(error),
    };
    let mut wrong = Diagnostic::error(code, at, lines.next().unwrap_or("this has no value"));
    for line in lines {
        match line.trim().strip_prefix("help:") {
            Some(help) => wrong = wrong.help(help.trim()),
            None => wrong = wrong.remark(line.trim()),
        }
    }
    if code == "E0113" {
        wrong = wrong.help("an index is affine, as 2*i + 1; as a number a power is written  i^2");
    }
    wrong
}
