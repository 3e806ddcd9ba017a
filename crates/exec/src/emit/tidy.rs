//! The last pass over a program: what nobody reads goes, a product that only a sum reads is fused with it, and
//! registers are numbered anew.

use crate::lane::program::{Affine, Binary, Index, IndexOp, Op, Program, Reg, Stmt};
use rustc_hash::FxHashMap;

/// Tidies a program.
pub(super) fn tidy(program: &mut Program) {
    let uses = Uses::of(&program.body);
    fuse(&mut program.body, &uses);
    let mut live = Live::default();
    live.roots(&program.body);
    let body = std::mem::take(&mut program.body);
    program.body = live.keep(body);
    let mut names = Names::default();
    names.rename(&mut program.body);
    program.regs = names.regs.len() as u32;
    program.indices = names.indices.len() as u32;
}

/// Statements of a body and of the loops in it, outer ones first; loops nest only as deep as an array has axes.
fn each<'a>(body: &'a [Stmt], visit: &mut dyn FnMut(&'a Stmt)) {
    for stmt in body {
        visit(stmt);
        if let Stmt::Loop { body, .. } = stmt {
            each(body, visit);
        }
    }
}

/// How often registers are read.
struct Uses {
    count: FxHashMap<Reg, u32>,
}

impl Uses {
    fn of(body: &[Stmt]) -> Uses {
        let mut count: FxHashMap<Reg, u32> = FxHashMap::default();
        let mut read = |r: Reg| *count.entry(r).or_default() += 1;
        each(body, &mut |stmt| match stmt {
            Stmt::Let(_, op) => op.each_reg(&mut read),
            Stmt::Set(to, from) => {
                read(*to);
                read(*from);
            }
            Stmt::Store(_, r) => read(*r),
            Stmt::Index(..) | Stmt::Loop { .. } => {}
        });
        Uses { count }
    }

    fn once(&self, r: Reg) -> bool {
        self.count.get(&r) == Some(&1)
    }
}

/// `t = a·b; y = t + c` becomes `y = fma(a, b, c)` where nothing else reads `t` and both stand in the same loop.
fn fuse(body: &mut [Stmt], uses: &Uses) {
    let mut products: FxHashMap<Reg, (Reg, Reg)> = FxHashMap::default();
    for stmt in body.iter_mut() {
        match stmt {
            Stmt::Let(to, Op::Binary(Binary::Mul, a, b)) if uses.once(*to) => {
                products.insert(*to, (*a, *b));
            }
            Stmt::Let(_, op) => {
                let fused = match *op {
                    Op::Binary(Binary::Add, x, y) => match (products.get(&y), products.get(&x)) {
                        (Some(&(a, b)), _) => Some(Op::MulAdd(a, b, x)),
                        (None, Some(&(a, b))) => Some(Op::MulAdd(a, b, y)),
                        _ => None,
                    },
                    Op::Binary(Binary::Sub, x, y) => products.get(&y).map(|&(a, b)| Op::NegMulAdd(a, b, x)),
                    _ => None,
                };
                if let Some(fused) = fused {
                    *op = fused;
                }
            }
            Stmt::Loop { body, .. } => fuse(body, uses),
            _ => {}
        }
    }
}

/// What the stores and accumulators of a program need.
#[derive(Default)]
struct Live {
    regs: FxHashMap<Reg, bool>,
    indices: FxHashMap<Index, bool>,
}

impl Live {
    /// Marks from the last statement to the first: operands are computed before their users.
    fn roots(&mut self, body: &[Stmt]) {
        for stmt in body.iter().rev() {
            match stmt {
                Stmt::Store(address, r) => {
                    self.regs.insert(*r, true);
                    self.at(&address.at);
                }
                Stmt::Set(to, from) => {
                    self.regs.insert(*to, true);
                    self.regs.insert(*from, true);
                }
                Stmt::Let(r, op) => {
                    if self.regs.contains_key(r) {
                        op.each_reg(&mut |r| {
                            self.regs.insert(r, true);
                        });
                        if let Some(at) = op.affine() {
                            self.at(at);
                        }
                    }
                }
                Stmt::Index(i, op) => {
                    if self.indices.contains_key(i) {
                        self.at(index_affine(op));
                    }
                }
                Stmt::Loop { body, .. } => self.roots(body),
            }
        }
    }

    fn at(&mut self, at: &Affine) {
        at.indexed.iter().for_each(|(i, _)| {
            self.indices.insert(*i, true);
        });
    }

    fn keep(&self, body: Vec<Stmt>) -> Vec<Stmt> {
        let mut kept = Vec::with_capacity(body.len());
        for stmt in body {
            match stmt {
                Stmt::Let(r, _) if !self.regs.contains_key(&r) => {}
                Stmt::Index(i, _) if !self.indices.contains_key(&i) => {}
                Stmt::Loop { var, from, to, lanes, body } => {
                    let body = self.keep(body);
                    if !body.is_empty() && from < to {
                        kept.push(Stmt::Loop { var, from, to, lanes, body });
                    }
                }
                stmt => kept.push(stmt),
            }
        }
        kept
    }
}

fn index_affine(op: &IndexOp) -> &Affine {
    match op {
        IndexOp::Load(a) => &a.at,
        IndexOp::Quotient(at, _) | IndexOp::Remainder(at, _) | IndexOp::Clamp(at, _) => at,
    }
}

/// New numbers in order of appearance.
#[derive(Default)]
struct Names {
    regs: FxHashMap<Reg, Reg>,
    indices: FxHashMap<Index, Index>,
}

impl Names {
    fn reg(&mut self, r: &mut Reg) {
        let next = Reg(self.regs.len() as u32);
        *r = *self.regs.entry(*r).or_insert(next);
    }

    fn index(&mut self, i: &mut Index) {
        let next = Index(self.indices.len() as u32);
        *i = *self.indices.entry(*i).or_insert(next);
    }

    fn affine(&mut self, at: &mut Affine) {
        at.indexed.iter_mut().for_each(|(i, _)| self.index(i));
        at.indexed.sort_unstable();
    }

    fn rename(&mut self, body: &mut [Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Let(r, op) => {
                    match op {
                        Op::Load(a) | Op::LoadInt(a) => self.affine(&mut a.at),
                        Op::Count(at) | Op::Test(_, at) => self.affine(at),
                        _ => op.each_reg_mut(&mut |a| self.reg(a)),
                    }
                    self.reg(r);
                }
                Stmt::Set(to, from) => {
                    self.reg(to);
                    self.reg(from);
                }
                Stmt::Store(address, r) => {
                    self.affine(&mut address.at);
                    self.reg(r);
                }
                Stmt::Index(i, op) => {
                    match op {
                        IndexOp::Load(a) => self.affine(&mut a.at),
                        IndexOp::Quotient(at, _) | IndexOp::Remainder(at, _) | IndexOp::Clamp(at, _) => {
                            self.affine(at);
                        }
                    }
                    self.index(i);
                }
                Stmt::Loop { body, .. } => self.rename(body),
            }
        }
    }
}
