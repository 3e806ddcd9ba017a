//! Derivatives: `dy[i]/dV[j,k]`, `d(e)/d(x)`, `d2f/dx[i]dx[j]`, `jvp`, `vjp`, `hvp`, `grad`.
//!
//! The axes of the numerator come first, then those of the denominator. A derivative is total through definitions and
//! cut at the name it is taken by; names held fixed are cut as well. Dependence goes by written names: what a formula
//! does not mention, it does not depend on.

use super::Lowering;
use super::indexing::too_many;
use super::letters::Letter;
use super::piece::{Body, Piece, Worth};
use crate::ast::{Arg, Derivative, ExprId, Item, Kind, Name, Part, Role};
use crate::diagnostic::Diagnostic;
use crate::scope::Meaning;
use crate::source::{Span, bare};
use crate::verify::Taken;
use chainrule_core::derive::Derivation;
use chainrule_core::form::read::{At, Factor, Node};
use chainrule_core::node::NodeId;
use chainrule_core::shape::Type;

/// A denominator: the name, and the indices it is read at.
struct By<'a> {
    name: Name,
    items: &'a [Item],
}

impl<'t> Lowering<'_, 't> {
    pub(crate) fn derivative(&mut self, id: ExprId, d: &'t Derivative, span: Span) -> Option<Piece> {
        if !d.explicit
            && let Some(fraction) = self.fraction(d, span)
        {
            return fraction;
        }
        let mut by = Vec::new();
        for part in &d.denominators {
            by.push(self.denominator(part)?);
        }
        let by = self.repeated(d, by, span)?;
        let (mut node, free, own) = self.numerator(&d.numerator)?;
        let of = if let Part::Named(name, _) = &d.numerator { Some(&name.text) } else { None };
        for b in &by {
            let own = of.filter(|_| by.len() == 1 && !self.scope.own.is_empty() && self.holding.is_empty());
            node = match own {
                Some(of) => self.following(of, node, &b.name, span)?,
                None => self.differentiate(node, &b.name)?,
            };
        }
        // Axes of the node: free letters, numerator, denominators in order.
        let mut places: Vec<At> = free.iter().map(|&l| self.place(l, span)).collect();
        let mut axes = Vec::new();
        match &d.numerator {
            Part::Named(name, items) => {
                let x = self.scope.node(&name.text)?;
                self.read_items(items, x, &name.text, span, &mut places, &mut axes)?;
            }
            Part::Expr(_) => {
                places.extend(own.iter().map(|&l| self.place(l, span)));
                axes.extend(own);
            }
        }
        let numerator_axes = axes.len();
        for b in &by {
            let x = self.scope.node(&b.name.text)?;
            self.read_items(b.items, x, &b.name.text, span, &mut places, &mut axes)?;
        }
        let plain =
            |p: &Part| matches!(p, Part::Named(_, items) if items.is_empty()) || matches!(p, Part::Expr(_));
        if free.is_empty() && plain(&d.numerator) && by.iter().all(|b| b.items.is_empty()) {
            self.whole_derivatives.push((span, numerator_axes));
        }
        if !self.scope.settings.numerator_layout && numerator_axes > 0 {
            axes.rotate_left(numerator_axes);
        }
        let at = self.sheet.access(node, places, span);
        let mut piece = Piece { body: Body::Tree(at), axes, worth: Worth::Real, span, dim: None, row: false };
        let numerator =
            if let Part::Named(name, items) = &d.numerator { Some((name, &items[..])) } else { None };
        for (name, items) in numerator.into_iter().chain(by.iter().map(|b| (&b.name, b.items))) {
            let shape = self.scope.graph.shape(self.scope.node(&name.text)?).to_vec();
            piece = self.guarded(id, items, &shape, piece);
            if let Body::Product(_) = piece.body {
                piece = Piece { body: Body::Tree(self.tree_of(&piece)), ..piece };
            }
        }
        Some(piece)
    }

    /// Adds the positions of a named node at its items, and the letters of the axes that stay.
    fn read_items(
        &mut self,
        items: &[Item],
        node: NodeId,
        name: &str,
        span: Span,
        places: &mut Vec<At>,
        axes: &mut Vec<Letter>,
    ) -> Option<()> {
        let shape = self.scope.graph.shape(node).to_vec();
        if items.len() > shape.len() {
            return self.refuse(too_many(name, shape.len(), items.len(), span));
        }
        let (at, kept) = self.uses_of(items, &shape, name, span)?;
        places.extend(at);
        axes.extend(kept);
        Some(())
    }

    /// `dl/dz` where `dl` and `dz` are variables: a fraction.
    fn fraction(&mut self, d: &'t Derivative, span: Span) -> Option<Option<Piece>> {
        let (Part::Named(top, top_items), [Part::Named(bottom, bottom_items)]) =
            (&d.numerator, &d.denominators[..])
        else {
            return None;
        };
        let declared = |l: &Self, name: &str| l.scope.find(name).is_some();
        let (dt, db) = (format!("d{}", top.text), format!("d{}", bottom.text));
        let as_variables = (declared(self, &dt), declared(self, &db));
        if as_variables == (false, false) {
            return None;
        }
        let one = if as_variables.0 { &dt } else { &db };
        if declared(self, &top.text) && declared(self, &bottom.text) {
            let message = if as_variables == (true, true) {
                format!("`{dt}` and `{db}` are declared, so `{dt}/{db}` is a fraction of two variables")
            } else {
                format!("`{one}` is declared, so `{dt}/{db}` is a fraction of two variables")
            };
            return Some(
                self.refuse(
                    Diagnostic::error("E0007", span, message)
                        .help(format!("write  d({})/d({})  for the derivative", top.text, bottom.text)),
                ),
            );
        }
        if as_variables != (true, true) || d.order != 1 {
            let other = if as_variables.0 { &db } else { &dt };
            let other = other.clone();
            return Some(self.refuse_unknown(&other, span));
        }
        let mut sides = Vec::new();
        for (name, items) in [(dt, top_items), (db, bottom_items)] {
            let node = self.scope.node(&name);
            let Some(node) = node else { return Some(None) };
            let whole = self.whole(node, span);
            let piece = if items.is_empty() { Some(whole) } else { self.indexed(whole, items, span) };
            let Some(piece) = piece else { return Some(None) };
            sides.push(piece);
        }
        let bottom = sides.pop()?;
        let top = sides.pop()?;
        Some(self.multiply(top, bottom, Factor::Over, span, span))
    }

    /// A name that a derivative may be taken by.
    fn denominator(&mut self, part: &'t Part) -> Option<By<'t>> {
        let (name, items): (Name, &[Item]) = match part {
            Part::Named(name, items) => (name.clone(), items),
            Part::Expr(e) => {
                let span = self.span(*e);
                // The operands of `d(x[i])` were lowered as a value, which nobody takes.
                let (base, items): (_, &[Item]) = match self.tree.kind(*e) {
                    Kind::Index(base, items) => (*base, items),
                    _ => (*e, &[]),
                };
                match self.tree.kind(base) {
                    Kind::Name(text) => (Name { text: text.clone(), span }, items),
                    _ => {
                        let source = self.source(span).to_string();
                        return self.refuse(
                            Diagnostic::error(
                                "E0124",
                                span,
                                format!("`{source}` is no name: a derivative is taken by a declared name"),
                            )
                            .help(format!("give it a name first:  def u = {source}")),
                        );
                    }
                }
            }
        };
        self.expect_variable(&name)?;
        Some(By { name, items })
    }

    /// What a derivative may be taken by: a definition, or an input that is neither a label nor constant.
    fn expect_variable(&mut self, name: &Name) -> Option<()> {
        match self.scope.find(&name.text).cloned() {
            Some(Meaning::Input(node, role)) => {
                let ty = self.scope.graph.ty(node).clone();
                let text = name.text.clone();
                if self.is_label(node) {
                    return self.refuse(
                        Diagnostic::error(
                            "E0120",
                            name.span,
                            format!("{text} : {ty} has no derivative; it is a label"),
                        )
                        .remark(format!("z[{text}] picks an entry of z")),
                    );
                }
                if role == Role::Const {
                    return self.refuse(
                        Diagnostic::error(
                            "E0121",
                            name.span,
                            format!("{text} is declared const: nothing is differentiated by it"),
                        )
                        .help(format!("declare it as  var {text} : {ty}")),
                    );
                }
                Some(())
            }
            Some(Meaning::Definition(_)) => Some(()),
            Some(Meaning::Nickname(_)) => {
                let text = name.text.clone();
                self.refuse(
                    Diagnostic::error(
                        "E0124",
                        name.span,
                        format!("{text} is a nickname: nothing depends on it by name"),
                    )
                    .help(format!("define it before it is used:  def {text} = ...")),
                )
            }
            Some(Meaning::Size(_)) => {
                let text = name.text.clone();
                self.refuse(
                    Diagnostic::error(
                        "E0120",
                        name.span,
                        format!("{text} is a size: nothing is differentiated by it"),
                    )
                    .help("a size is a whole number; what is to be varied is declared with var"),
                )
            }
            None => self.refuse_unknown(&name.text, name.span),
        }
    }

    /// `d2f/dx dx`: as many denominators as the order says; `d2f/dx` takes the only one again.
    fn repeated(&mut self, d: &Derivative, mut by: Vec<By<'t>>, span: Span) -> Option<Vec<By<'t>>> {
        let order = d.order as usize;
        if order == by.len() {
            return Some(by);
        }
        if by.len() == 1 && order <= 8 {
            let only = by.pop()?;
            return Some((0..order).map(|_| By { name: only.name.clone(), items: only.items }).collect());
        }
        let by =
            if by.len() == 1 { "1 denominator".to_string() } else { format!("{} denominators", by.len()) };
        let message = format!("a derivative of order {order} with {by}");
        self.refuse(
            Diagnostic::error("E0125", span, message).help(
                "one denominator for each order, as in  d2f/dx[i]dx[j]; one alone stands for at most 8",
            ),
        )
    }

    /// The node that is differentiated, its free letters, and the letters of its axes when it is no name.
    fn numerator(&mut self, part: &Part) -> Option<(NodeId, Vec<Letter>, Vec<Letter>)> {
        match part {
            Part::Named(name, _) => {
                let Some(node) = self.scope.node(&name.text) else {
                    if self.scope.find(&name.text).is_none() {
                        return self.refuse_unknown(&name.text, name.span);
                    }
                    let message = format!("{} is a size: it has no derivative", name.text);
                    let help = "a size is a whole number; a formula of real numbers is differentiated";
                    return self.refuse(Diagnostic::error("E0120", name.span, message).help(help));
                };
                self.expect_real(node, &name.text, name.span)?;
                self.inherit(&name.text);
                Some((node, Vec::new(), Vec::new()))
            }
            Part::Expr(e) => {
                let piece = self.take(*e)?;
                let span = piece.span;
                self.refuse_row(&piece, span)?;
                if piece.worth == Worth::Truth {
                    let source = bare(self.source(span)).to_string();
                    return self.refuse(
                        Diagnostic::error("E0111", span, "a condition has no derivative")
                            .help(format!("as a number, which is 1 where it holds:  [{source}]")),
                    );
                }
                let piece = self.lettered(piece);
                let axes = piece.axes.clone();
                let (node, free) = self.node(piece)?;
                Some((node, free, axes))
            }
        }
    }

    fn expect_real(&mut self, node: NodeId, name: &str, span: Span) -> Option<()> {
        if self.scope.graph.ty(node).dtype == chainrule_core::shape::DType::Real {
            return Some(());
        }
        let ty = self.scope.graph.ty(node).clone();
        self.refuse(
            Diagnostic::error("E0120", span, format!("{name} : {ty} has no derivative"))
                .help("real numbers are differentiated; labels and conditions choose among them"),
        )
    }

    // ---------------------------------------------------------------- the derivative of a node

    /// `∂node/∂name`, total through definitions, cut at `name` and at what is held.
    pub(crate) fn differentiate(&mut self, node: NodeId, name: &Name) -> Option<NodeId> {
        let mut cuts = Vec::new();
        let mut names = vec![name.text.clone()];
        names.extend(self.holding.iter().filter(|h| **h != name.text).cloned());
        for cut in &names {
            let Some(Meaning::Definition(tag)) = self.scope.find(cut).cloned() else { continue };
            let ty = self.scope.graph.ty(tag).clone();
            let fresh = match self.scope.graph.input(&format!("_cut_{cut}"), ty) {
                Ok(fresh) => fresh,
                Err(error) => {
                    self.told(&error, name.span);
                    return None;
                }
            };
            cuts.push((tag, fresh));
        }
        let x = self.scope.node(&name.text)?;
        let cut_here = matches!(self.scope.find(&name.text), Some(Meaning::Definition(_)));
        if !self.mentions(node, x) {
            let message = format!("{} is not used in what is differentiated: the derivative is 0", name.text);
            self.report(
                Diagnostic::warning("W0203", name.span, message).remark("dependence goes by written names"),
            );
            let shape: Vec<_> =
                self.scope.graph.shape(node).iter().chain(self.scope.graph.shape(x)).cloned().collect();
            return Some(self.scope.graph.zero(Type::real(shape)));
        }
        let (rules, span) = (self.rules, name.span);
        let g = &mut self.scope.graph;
        let by = if cut_here { cuts[0].1 } else { x };
        let result = (|| {
            let opened = g.substitute(&[node], &cuts)?[0];
            let mut derivation = Derivation { rules, ..Derivation::default() };
            let mut answer = derivation.jacobian(g, opened, by)?;
            let taken = Taken { function: opened, by, jacobian: answer };
            let back: Vec<(NodeId, NodeId)> = cuts.iter().map(|&(tag, fresh)| (fresh, tag)).collect();
            // A definition may itself mention another cut: each round reaches one further.
            for _ in &back {
                answer = g.substitute(&[answer], &back)?[0];
            }
            Ok((answer, taken))
        })();
        match result {
            Ok((node, taken)) => {
                self.taken.push(taken);
                Some(node)
            }
            Err(error) => {
                self.told(&error, span);
                None
            }
        }
    }

    /// `∂node/∂name` as it follows from a learner's derivatives of the same quantity:
    /// the part past the answered names, and each of their derivatives by `name`, weighed with the learner's.
    fn following(&mut self, of: &str, node: NodeId, name: &Name, span: Span) -> Option<NodeId> {
        let own: Vec<_> = self.scope.own.iter().filter(|o| o.of == of).cloned().collect();
        if let Some(exact) = own.iter().find(|o| o.by == name.text) {
            return Some(exact.node);
        }
        let x = self.scope.node(&name.text)?;
        let answered: Vec<String> = own.iter().map(|o| o.by.clone()).collect();
        self.holding = answered.clone();
        let direct = self.differentiate(node, name);
        self.holding.clear();
        let mut total = direct?;
        for own in own {
            let q = self.scope.node(&own.by)?;
            if !self.mentions(q, x) {
                continue;
            }
            self.holding = answered.iter().filter(|a| **a != own.by).cloned().collect();
            let inner = self.differentiate(q, name);
            self.holding.clear();
            let (inner, kept) = (inner?, self.scope.graph.rank(node));
            let letters = |l: &mut Self, node: NodeId| -> Vec<Letter> {
                let shape = l.scope.graph.shape(node).to_vec();
                shape.iter().map(|d| l.sheet.letters.axis(d, span)).collect()
            };
            let (outer, by) = (letters(self, own.node), letters(self, x));
            let (first, second) = (
                self.entry(own.node, &outer, span),
                self.entry(inner, &outer[kept..].iter().chain(&by).copied().collect::<Vec<_>>(), span),
            );
            let product =
                self.sheet.push(Node::Product(vec![(Factor::Times, first), (Factor::Times, second)]), span);
            let at =
                if outer.len() == kept { product } else { self.bind("sum", &outer[kept..], product, span) };
            let axes: Vec<Letter> = outer[..kept].iter().chain(&by).copied().collect();
            let term = self.node_over(at, &[], &axes, Worth::Real, span)?;
            total = self.scope.graph.add(total, term).map_err(|e| self.told(&e, span)).ok()?;
        }
        Some(total)
    }

    /// The derivatives inside of a name are the formula's too: what it shows is verified with them.
    pub(crate) fn inherit(&mut self, name: &str) {
        for taken in self.scope.taken.get(name).into_iter().flatten() {
            if !self.taken.contains(taken) {
                self.taken.push(*taken);
            }
        }
    }

    /// Whether a node is built with another.
    fn mentions(&self, node: NodeId, part: NodeId) -> bool {
        node == part || self.scope.graph.reachable(&[node]).contains(&part)
    }

    // ---------------------------------------------------------------- directional forms

    /// `jvp(f, x: u, …)`, `vjp(g, f, x)`, `hvp(f, x: u)`, `grad(f, x)`.
    pub(crate) fn directional(&mut self, word: &Name, args: &[Arg], span: Span) -> Option<Piece> {
        match word.text.as_str() {
            "jvp" | "hvp" => {
                let f = self.positional(word, args, 0, span)?;
                let f = if word.text == "hvp" { self.expect_scalar(f, "hvp")? } else { f };
                let directions = self.directions(word, args, span)?;
                self.pushed(f, directions, word.text == "hvp", span)
            }
            "vjp" => {
                let (g, f) = (self.positional(word, args, 0, span)?, self.positional(word, args, 1, span)?);
                let x = self.name_argument(word, args, 2, span)?;
                self.pulled(g, f, &x, span)
            }
            _ => {
                let f = self.positional(word, args, 0, span)?;
                let f = self.expect_scalar(f, "grad")?;
                let x = self.name_argument(word, args, 1, span)?;
                let (node, free) = self.node(f)?;
                let gradient = self.differentiate(node, &x)?;
                Some(self.after(gradient, &free, span))
            }
        }
    }

    fn expect_scalar(&mut self, f: Piece, word: &str) -> Option<Piece> {
        if self.rank(&f) == 0 {
            return Some(f);
        }
        let typed = self.typed(&f);
        self.refuse(
            Diagnostic::error(
                "E0123",
                f.span,
                format!("{word} takes a number to differentiate, this is an array"),
            )
            .saying(typed)
            .help("d(f)/d(x)  is the Jacobian;  vjp(g, f, x)  sums it against g"),
        )
    }

    fn positional(&mut self, word: &Name, args: &[Arg], k: usize, span: Span) -> Option<Piece> {
        match args.get(k) {
            Some(Arg { key: None, value: Item::Expr(e) }) => self.take(*e),
            _ => {
                let usage = match word.text.as_str() {
                    "jvp" => "jvp(f, x: u)",
                    "hvp" => "hvp(f, x: u)",
                    "vjp" => "vjp(g, f, x)",
                    _ => "grad(f, x)",
                };
                let about = super::functions::find(&word.text).map_or("", |f| f.about);
                self.refuse(
                    Diagnostic::error("E0115", span, format!("{} is written  {usage}", word.text))
                        .help(about),
                )
            }
        }
    }

    /// An argument that names what the derivative is taken by.
    fn name_argument(&mut self, word: &Name, args: &[Arg], k: usize, span: Span) -> Option<Name> {
        self.positional(word, args, k, span)?;
        let Some(Arg { value: Item::Expr(e), .. }) = args.get(k) else { return None };
        match self.tree.kind(*e) {
            Kind::Name(text) => {
                let name = Name { text: text.clone(), span: self.span(*e) };
                self.expect_variable(&name)?;
                Some(name)
            }
            _ => {
                let source = self.source(self.span(*e)).to_string();
                self.refuse(
                    Diagnostic::error("E0124", self.span(*e), "a derivative is taken by a declared name")
                        .help(format!("give it a name first:  def u = {source}")),
                )
            }
        }
    }

    fn directions(&mut self, word: &Name, args: &[Arg], span: Span) -> Option<Vec<(Name, Piece)>> {
        let mut directions = Vec::new();
        for arg in &args[1..] {
            let (Some((name, _)), Item::Expr(e)) = (&arg.key, arg.value) else {
                return self.misused_direction(word, span);
            };
            self.expect_variable(name)?;
            let u = self.take(e)?;
            let (x, name) = (self.scope.node(&name.text)?, name.clone());
            if self.shape(&u) != self.scope.graph.shape(x) {
                let typed = self.typed(&u);
                let ty = self.scope.graph.ty(x).clone();
                return self.refuse(
                    Diagnostic::error("E0302", u.span, format!("a direction has the shape of {}", name.text))
                        .saying(typed)
                        .remark(format!("{} : {ty}", name.text)),
                );
            }
            directions.push((name, u));
        }
        if directions.is_empty() {
            return self.misused_direction(word, span);
        }
        Some(directions)
    }

    fn misused_direction<T>(&mut self, word: &Name, span: Span) -> Option<T> {
        self.refuse(
            Diagnostic::error("E0115", span, format!("{0} is written  {0}(f, x: u)", word.text))
                .help("x is the name that is varied, u the direction, of the shape of x"),
        )
    }

    /// `Σ_x Σ_in ∂f/∂x[in] u[in]`; of the gradient, when `second`.
    fn pushed(
        &mut self,
        f: Piece,
        directions: Vec<(Name, Piece)>,
        second: bool,
        span: Span,
    ) -> Option<Piece> {
        let f = self.lettered(f);
        let (node, free) = self.node(f)?;
        let mut total: Option<Piece> = None;
        let by: Vec<Name> = directions.iter().map(|(x, _)| x.clone()).collect();
        if second && by.len() > 1 {
            return self.refuse(
                Diagnostic::error("E0115", span, "hvp is by one name")
                    .help("jvp(grad(f, x), W: U) is a mixed product"),
            );
        }
        for (x, u) in directions {
            let base = if second { self.differentiate(node, &x)? } else { node };
            let jacobian = self.differentiate(base, &x)?;
            let kept = self.scope.graph.shape(base)[free.len()..].to_vec();
            let kept: Vec<Letter> = kept.iter().map(|d| self.sheet.letters.axis(d, span)).collect();
            let u = self.lettered(u);
            let all: Vec<Letter> = free.iter().chain(&kept).chain(&u.axes).copied().collect();
            let entry = self.entry(jacobian, &all, span);
            let along = self.tree_of(&u);
            let product =
                self.sheet.push(Node::Product(vec![(Factor::Times, entry), (Factor::Times, along)]), span);
            let at = if u.axes.is_empty() { product } else { self.bind("sum", &u.axes, product, span) };
            let piece =
                Piece { body: Body::Tree(at), axes: kept, worth: Worth::Real, span, dim: None, row: false };
            total = Some(match total {
                None => piece,
                Some(before) => self.sum_of(before, piece, span)?,
            });
        }
        total
    }

    fn sum_of(&mut self, a: Piece, b: Piece, span: Span) -> Option<Piece> {
        let (pieces, axes) = self.together(vec![a, b], span)?;
        let terms = pieces.iter().map(|p| (false, self.tree_of(p))).collect();
        Some(Piece { body: Body::Sum(terms), axes, worth: Worth::Real, span, dim: None, row: false })
    }

    /// `Σ_out g[out] ∂f[out]/∂x`
    fn pulled(&mut self, g: Piece, f: Piece, x: &Name, span: Span) -> Option<Piece> {
        let (g, f) = (self.lettered(g), self.lettered(f));
        if self.shape(&g) != self.shape(&f) {
            let (first, second) = (self.typed(&g), self.typed(&f));
            return self.refuse(
                Diagnostic::error("E0302", g.span, "a cotangent has the shape of what is differentiated")
                    .saying(first)
                    .label(f.span, second)
                    .help("vjp(g, f, x)  sums  g .* f  over the axes of f, and differentiates by x"),
            );
        }
        let axes = f.axes.clone();
        let (node, free) = self.node(f)?;
        let jacobian = self.differentiate(node, x)?;
        let shape = self.scope.graph.shape(jacobian)[free.len() + axes.len()..].to_vec();
        let inner: Vec<Letter> = shape.iter().map(|d| self.sheet.letters.axis(d, span)).collect();
        let all: Vec<Letter> = free.iter().chain(&g.axes).chain(&inner).copied().collect();
        let entry = self.entry(jacobian, &all, span);
        let weight = self.tree_of(&g);
        let product =
            self.sheet.push(Node::Product(vec![(Factor::Times, weight), (Factor::Times, entry)]), span);
        let at = if g.axes.is_empty() { product } else { self.bind("sum", &g.axes, product, span) };
        Some(Piece { body: Body::Tree(at), axes: inner, worth: Worth::Real, span, dim: None, row: false })
    }
}
