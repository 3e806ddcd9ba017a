//! Reading a contraction: extents, factors at index terms, conditions.

use super::lexer::Cursor;
use super::read::Section;
use crate::error::Result;
use crate::form::{Access, Cond, Product};
use crate::index::{Atom, Label, Term};
use crate::node::NodeId;
use crate::shape::{DType, Dim, Type};
use smallvec::SmallVec;

/// Terms nested deeper than this are refused.
const MAX_TERM_DEPTH: usize = 64;

impl Section {
    pub(super) fn contract(&mut self, c: &mut Cursor<'_>) -> Result<NodeId> {
        let mut product = read_extents(c)?;
        while c.eat("%") {
            let (node, at) = self.entry(c, &product, DType::Real, 0)?;
            let power = if c.eat("^") { c.number()? } else { 1 };
            if power == 0 || product.accesses.iter().any(|a| a.node == node && a.at == at) {
                return c.fail("each factor stands once, with an exponent of at least 1");
            }
            product.accesses.push(Access { node, at, power });
        }
        if c.eat_word("where") {
            while !c.at_end() {
                let cond = self.cond(c, &product)?;
                if product.conds.contains(&cond) {
                    return c.fail("each condition stands once");
                }
                product.conds.push(cond);
            }
        }
        let mut used = vec![false; product.extents.len()];
        product.parts().for_each(|part| part.each_label(&mut |l| used[l.0 as usize] = true));
        if let Some(k) = (product.free..used.len()).find(|&k| !used[k]) {
            return c.fail(format!("#{k} is summed, but nothing mentions it"));
        }
        if product.extents.is_empty() && product.accesses.is_empty() && product.conds.is_empty() {
            return c.fail("an empty product is the number 1");
        }
        let ty = Type::real(product.extents[..product.free].iter().cloned());
        Ok(self.graph.intern_contract(product, ty))
    }

    fn cond(&self, c: &mut Cursor<'_>, product: &Product) -> Result<Cond> {
        let word = c.word();
        if word == "zero" || word == "nonneg" {
            c.expect("(")?;
            let term = self.term(c, product, 0)?;
            c.expect(")")?;
            return Ok(if word == "zero" { Cond::Zero(term) } else { Cond::NonNegative(term) });
        }
        if word != "holds" && word != "fails" {
            return c.fail("zero(…), nonneg(…), holds %… or fails %… is expected");
        }
        c.expect("%")?;
        let (node, at) = self.entry(c, product, DType::Bool, 0)?;
        Ok(Cond::Holds(node, at, word == "fails"))
    }

    /// `k[terms]` after `%`.
    fn entry(
        &self,
        c: &mut Cursor<'_>,
        product: &Product,
        dtype: DType,
        depth: usize,
    ) -> Result<(NodeId, SmallVec<[Term; 2]>)> {
        let k: usize = c.number()?;
        let Some(&node) = self.nodes.get(k) else {
            return c.fail(format!("%{k} is not defined before this line"));
        };
        let mut at = SmallVec::new();
        if c.eat("[") {
            loop {
                at.push(self.term(c, product, depth)?);
                if !c.eat(",") {
                    break;
                }
            }
            c.expect("]")?;
        }
        let ty = self.graph.ty(node);
        if ty.dtype != dtype || ty.rank() != at.len() {
            return c.fail(format!("%{k} is {ty}: a {dtype} entry at {} positions is read here", at.len()));
        }
        Ok((node, at))
    }

    /// `2*#0+(n-1)*#1+div(#2;n)+%3[#0]+(n-1)`
    fn term(&self, c: &mut Cursor<'_>, product: &Product, depth: usize) -> Result<Term> {
        if depth > MAX_TERM_DEPTH {
            return c.fail(format!("terms are nested more than {MAX_TERM_DEPTH} deep"));
        }
        let mut total = Term::constant(0);
        loop {
            total = total + self.piece(c, product, depth)?;
            if !c.eat("+") {
                return Ok(total);
            }
        }
    }

    fn piece(&self, c: &mut Cursor<'_>, product: &Product, depth: usize) -> Result<Term> {
        let Some(coefficient) = read_factor(c)? else { return self.atom(c, product, depth) };
        if !c.eat("*") {
            return Ok(Term::constant(coefficient));
        }
        Ok(self.atom(c, product, depth)?.scaled(&coefficient))
    }

    fn atom(&self, c: &mut Cursor<'_>, product: &Product, depth: usize) -> Result<Term> {
        if c.eat("#") {
            let l: u32 = c.number()?;
            if l as usize >= product.extents.len() {
                return c.fail(format!("there is no label #{l}"));
            }
            return Ok(Term::label(Label(l)));
        }
        if c.eat("%") {
            let (node, at) = self.entry(c, product, DType::Int, depth + 1)?;
            return Ok(Term::element(node, at));
        }
        let word = c.word();
        if word != "div" && word != "mod" {
            return c.fail("a label #k, an entry %k[…], div(…;…) or mod(…;…) is expected");
        }
        c.expect("(")?;
        let inner = Box::new(self.term(c, product, depth + 1)?);
        c.expect(";")?;
        let extent = c.dim()?;
        c.expect(")")?;
        if extent.as_fixed().is_some_and(|n| n <= 0) {
            return c.fail("a position is divided by a positive size");
        }
        Ok(Term::from_atom(if word == "div" {
            Atom::Quotient(inner, extent)
        } else {
            Atom::Remainder(inner, extent)
        }))
    }
}

/// `[free|bound]`
fn read_extents(c: &mut Cursor<'_>) -> Result<Product> {
    c.expect("[")?;
    let free = read_dims(c, "|")?;
    let mut product = Product::one(free);
    for extent in read_dims(c, "]")? {
        product.bind(extent);
    }
    Ok(product)
}

/// Sizes separated by commas, up to a sign.
fn read_dims(c: &mut Cursor<'_>, close: &str) -> Result<Vec<Dim>> {
    let mut dims = Vec::new();
    while !c.eat(close) {
        if !dims.is_empty() {
            c.expect(",")?;
        }
        dims.push(c.dim()?);
    }
    Ok(dims)
}

/// A number, or a size in parentheses, if one stands here.
fn read_factor(c: &mut Cursor<'_>) -> Result<Option<Dim>> {
    if c.eat("(") {
        let dim = c.dim()?;
        c.expect(")")?;
        return Ok(Some(dim));
    }
    let sign = if c.eat("-") { -1 } else { 1 };
    if sign > 0 && !c.rest().starts_with(|d: char| d.is_ascii_digit()) {
        return Ok(None);
    }
    let size: i128 = c.number()?;
    match i64::try_from(sign * size) {
        Ok(value) => Ok(Some(Dim::fixed(value))),
        Err(_) => c.fail("this number does not fit 64 bits"),
    }
}
