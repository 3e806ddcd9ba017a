//! `einstein on`: an index that stands twice in one product is summed, and the reader is told the sum.
//!
//! A product is everything that `*`, `.*`, `/`, `@` and a sign join; what stands inside a function, a power, a
//! condition or a divisor is a product of its own. An index of the left side is never summed. The pass runs after the
//! names are resolved: it gives each summed index a letter of its own, so that `exp(a[i]*b[i]) * c[i]` keeps the outer
//! `i` apart from the summed one.

use super::letters::Letter;
use super::resolve::{Reading, Subscript};
use super::{Lowering, children};
use crate::ast::{ExprId, Item, Kind, Operator, Part};
use crate::diagnostic::Diagnostic;
use crate::source::bare;
use std::collections::{BTreeMap, BTreeSet};

/// How often each letter stands in a product.
type Counts = BTreeMap<Letter, usize>;

/// Letters that are summed around an expression, by its slot, and how often each stands there.
type Repeated = BTreeMap<usize, Vec<(Letter, usize)>>;

/// A letter that is another one below some product; 0 is the empty scope.
struct Renamed {
    outer: usize,
    from: Letter,
    to: Letter,
}

impl Lowering<'_, '_> {
    /// Finds the products with repeated indices; the letters of `left`, and those free in the first of several roots,
    /// stay free.
    pub(super) fn einstein(&mut self, roots: &[ExprId], left: &[Letter]) {
        if !self.scope.settings.einstein {
            return;
        }
        let inside = self.index_positions();
        let mut kept: BTreeSet<Letter> = left.iter().copied().collect();
        if let [first, _, ..] = roots {
            let (counts, _) = self.occurrences(&[*first], &inside, &kept);
            kept.extend(counts[self.slot(*first)].keys());
        }
        let (_, repeated) = self.occurrences(roots, &inside, &kept);
        let mut refused = BTreeSet::new();
        for (&slot, letters) in &repeated {
            let id = self.order[slot];
            for &(letter, count) in letters.iter().filter(|(_, count)| *count > 2) {
                refused.insert(slot);
                self.refuse_thrice(id, letter, count);
            }
        }
        self.rename(&repeated, &refused);
        let read: BTreeSet<Letter> =
            self.readings.iter().flat_map(letters_of).chain(left.iter().copied()).collect();
        self.free.retain(|l| read.contains(l));
    }

    fn refuse_thrice(&mut self, id: ExprId, letter: Letter, count: usize) {
        let name = self.sheet.letters.shown(letter);
        let source = one_line(bare(self.source(self.span(id))));
        self.report(
            Diagnostic::error(
                "E0119",
                self.span(id),
                format!("index {name} stands {count} times in one product: a repeated index is one pair"),
            )
            .help(format!("write the sum that is meant:  sum({name}, {source})"))
            .help(format!("or give one pair another letter than {name}")),
        );
    }

    /// Expressions that are indices, where a repeated letter is arithmetic and no product of factors.
    fn index_positions(&self) -> Vec<bool> {
        let mut inside = vec![false; self.order.len()];
        for k in (0..self.order.len()).rev() {
            let kind = self.tree.kind(self.order[k]);
            let mut mark = |e: ExprId| inside[self.slots[(e.0 - self.first) as usize] as usize] = true;
            match kind {
                Kind::Index(_, items) => items.iter().for_each(|i| each_of(i, &mut mark)),
                Kind::Call(name, args) => {
                    for arg in
                        args.iter().filter(|a| name.text == "delta" || matches!(a.value, Item::Range(..)))
                    {
                        each_of(&arg.value, &mut mark);
                    }
                }
                Kind::Derivative(d) => {
                    for (place, part) in std::iter::once(&d.numerator).chain(&d.denominators).enumerate() {
                        match part {
                            Part::Named(_, items) => items.iter().for_each(|i| each_of(i, &mut mark)),
                            Part::Expr(e) if place > 0 => mark(*e),
                            Part::Expr(_) => {}
                        }
                    }
                }
                _ => {}
            }
            if inside[k] {
                children(kind, &mut |e| inside[self.slot(e)] = true);
            }
        }
        inside
    }

    /// The letters of every expression below the roots, each product closed where its user is no product.
    fn occurrences(
        &self,
        roots: &[ExprId],
        inside: &[bool],
        kept: &BTreeSet<Letter>,
    ) -> (Vec<Counts>, Repeated) {
        let mut pass = Pass {
            l: self,
            inside,
            kept,
            counts: vec![Counts::new(); self.order.len()],
            found: Repeated::new(),
        };
        for k in 0..self.order.len() {
            pass.counts[k] = pass.of(self.order[k]);
        }
        for &root in roots {
            let slot = self.slot(root);
            pass.counts[slot] = pass.closed(root);
        }
        (pass.counts, pass.found)
    }

    /// Gives every summed letter a letter of its own below its product, and tells the reader the sum.
    fn rename(&mut self, repeated: &Repeated, refused: &BTreeSet<usize>) {
        let mut scopes: Vec<Renamed> = Vec::new();
        let mut place: Vec<usize> = vec![0; self.order.len()];
        for k in (0..self.order.len()).rev() {
            let id = self.order[k];
            let mut scope = place[k];
            if let Some(letters) = repeated.get(&k).filter(|_| !refused.contains(&k)) {
                let mut own = Vec::new();
                for &(from, _) in letters {
                    let facts = self.sheet.letters.get(from).clone();
                    let to = self.sheet.letters.add(facts);
                    scopes.push(Renamed { outer: scope, from, to });
                    scope = scopes.len();
                    own.push(to);
                }
                self.tell_sum(id, &own);
                self.contracted.insert(k, own);
            }
            let renamed = |letter: Letter| {
                let mut at = scope;
                while at > 0 {
                    let Renamed { outer, from, to } = scopes[at - 1];
                    if from == letter {
                        return to;
                    }
                    at = outer;
                }
                letter
            };
            match &mut self.readings[k] {
                Reading::Letter(letter) => *letter = renamed(*letter),
                Reading::Subscripted(_, subscripts) => {
                    for subscript in subscripts {
                        if let Subscript::Letter(letter) = subscript {
                            *letter = renamed(*letter);
                        }
                    }
                }
                _ => {}
            }
            let (slots, first) = (&self.slots, self.first);
            children(self.tree.kind(id), &mut |e| place[slots[(e.0 - first) as usize] as usize] = scope);
        }
    }

    fn tell_sum(&mut self, id: ExprId, letters: &[Letter]) {
        let span = self.span(id);
        let source = one_line(bare(self.source(span)));
        let names: Vec<String> = letters.iter().map(|&l| self.sheet.letters.shown(l)).collect();
        self.report(Diagnostic::note(
            span,
            format!("understood  {source}  as  sum({}, {source})", names.join(", ")),
        ));
    }

    /// The sum over the repeated indices of a product, where `einstein on` asks for it.
    pub(super) fn sum_repeated(&mut self, id: ExprId) {
        let slot = self.slot(id);
        let Some(letters) = self.contracted.get(&slot).cloned() else { return };
        let Some(piece) = self.pieces[slot].take() else { return };
        let span = piece.span;
        if letters.iter().any(|&l| self.known_extent(l).is_none()) || self.refuse_row(&piece, span).is_none()
        {
            return;
        }
        let piece = self.lettered(piece);
        self.pieces[slot] = self.reduced("sum", &letters, piece, span);
    }
}

/// One bottom-up pass over the letters of a formula.
struct Pass<'p, 's, 't> {
    l: &'p Lowering<'s, 't>,
    inside: &'p [bool],
    kept: &'p BTreeSet<Letter>,
    counts: Vec<Counts>,
    found: Repeated,
}

impl Pass<'_, '_, '_> {
    /// Letters of an expression; a product hands on how often each stands in it.
    fn of(&mut self, id: ExprId) -> Counts {
        let tree = self.l.tree;
        match tree.kind(id) {
            Kind::Number(_) | Kind::Text(_) => Counts::new(),
            Kind::Name(_) => {
                let mut counts = Counts::new();
                let letters = letters_of(self.l.reading(id));
                for letter in letters.into_iter().filter(|l| self.l.free.contains(l)) {
                    *counts.entry(letter).or_default() += 1;
                }
                counts
            }
            Kind::Negative(a) => self.open(*a),
            Kind::Binary(Operator::Times | Operator::Each | Operator::Dot, _, a, b) => {
                let (a, b) = (self.open(*a), self.open(*b));
                added([a, b])
            }
            Kind::Binary(Operator::Over | Operator::OverEach, _, a, b) => {
                let (a, b) = (self.open(*a), self.closed(*b));
                added([a, b])
            }
            Kind::Index(base, items) => {
                let mut all = vec![self.closed(*base)];
                items.iter().for_each(|i| self.item(i, &mut all));
                added(all)
            }
            Kind::Call(name, args) if name.text == "delta" => {
                let mut all = Vec::new();
                args.iter().for_each(|a| self.item(&a.value, &mut all));
                added(all)
            }
            Kind::Derivative(d) => {
                let mut all = Vec::new();
                for (place, part) in std::iter::once(&d.numerator).chain(&d.denominators).enumerate() {
                    match part {
                        Part::Named(_, items) => items.iter().for_each(|i| self.item(i, &mut all)),
                        Part::Expr(e) if place > 0 => all.push(self.open(*e)),
                        Part::Expr(e) => all.push(self.closed(*e)),
                    }
                }
                added(all)
            }
            kind => {
                let mut below = Vec::new();
                children(kind, &mut |e| below.push(e));
                let mut letters = Counts::new();
                for e in below {
                    letters.extend(self.closed(e));
                }
                letters
            }
        }
    }

    fn item(&mut self, item: &Item, all: &mut Vec<Counts>) {
        let mut below = Vec::new();
        each_of(item, &mut |e| below.push(e));
        below.into_iter().for_each(|e| all.push(self.closed(e)));
    }

    /// The letters of a factor.
    fn open(&mut self, id: ExprId) -> Counts {
        std::mem::take(&mut self.counts[self.l.slot(id)])
    }

    /// The letters that stay when a product ends: the repeated ones are summed there.
    fn closed(&mut self, id: ExprId) -> Counts {
        let slot = self.l.slot(id);
        let counts = self.open(id);
        let is_repeated =
            |letter: &Letter, count: usize| count > 1 && !self.inside[slot] && !self.kept.contains(letter);
        let repeated: Vec<(Letter, usize)> =
            counts.iter().map(|(&l, &n)| (l, n)).filter(|(l, n)| is_repeated(l, *n)).collect();
        let rest = counts.iter().filter(|&(l, &n)| !is_repeated(l, n)).map(|(&l, _)| (l, 1)).collect();
        if !repeated.is_empty() {
            self.found.insert(slot, repeated);
        }
        rest
    }
}

fn added(all: impl IntoIterator<Item = Counts>) -> Counts {
    let mut total = Counts::new();
    for (letter, count) in all.into_iter().flatten() {
        *total.entry(letter).or_default() += count;
    }
    total
}

fn each_of(item: &Item, visit: &mut dyn FnMut(ExprId)) {
    match item {
        Item::Expr(e) => visit(*e),
        Item::Range(a, b) => [*a, *b].into_iter().for_each(visit),
        Item::All(_) => {}
    }
}

fn letters_of(reading: &Reading) -> Vec<Letter> {
    match reading {
        Reading::Letter(letter) => vec![*letter],
        Reading::Subscripted(_, subscripts) => subscripts
            .iter()
            .filter_map(|s| if let Subscript::Letter(letter) = s { Some(*letter) } else { None })
            .collect(),
        _ => Vec::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
