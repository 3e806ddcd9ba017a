//! Vector functions written out where they are called, for machine code.
//!
//! A call in a loop costs more than its work: every value that lives across it is in memory, and what two functions of
//! one argument have in common is done twice. In lane loops of some length the operations of the function take the
//! place of the call; equal operations are done once, so that sine and cosine of one angle share nearly all. The bits
//! are the same ([`symbol`](super::symbol)), and `docs/decisions/0005-functions-written-out.md` has the figures.

use super::builder::Key;
use super::symbol::{Template, template};
use crate::lane::program::{Function, Op, Precision, Program, Reg, Stmt};
use chainrule_core::ops::map::Map;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;

/// A loop of fewer iterations gains less than its code costs to write.
const ITERATIONS: i64 = 8;

/// A loop that would have more statements keeps its calls: code has to stay in the cache of instructions.
const STATEMENTS: usize = 3000;

/// The program with the functions that lane loops call written out; as it was, where there are none.
pub fn inline(program: &Program) -> Cow<'_, Program> {
    let called = |body: &[Stmt]| body.iter().any(|stmt| matches!(stmt, Stmt::Let(_, Op::Call(..))));
    if !program.has_lane_loop(&|from, to, body| to - from >= ITERATIONS && called(body)) {
        return Cow::Borrowed(program);
    }
    let mut inliner = Inliner {
        precision: program.precision,
        regs: program.regs,
        changed: FxHashSet::default(),
        templates: FxHashMap::default(),
        constants: FxHashMap::default(),
        start: Vec::new(),
    };
    inliner.changes(&program.body);
    let body = inliner.body(&program.body);
    let mut all = inliner.start;
    all.extend(body);
    Cow::Owned(Program { regs: inliner.regs, body: all, ..*program })
}

struct Inliner {
    precision: Precision,
    /// Registers in use: the next one has this number.
    regs: u32,
    /// Registers whose value changes: what is computed from them is not the same twice.
    changed: FxHashSet<Reg>,
    templates: FxHashMap<Function, Option<Template>>,
    /// Constants by their bits, declared before all.
    constants: FxHashMap<u64, Reg>,
    start: Vec<Stmt>,
}

impl Inliner {
    fn changes(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Set(to, _) => drop(self.changed.insert(*to)),
                Stmt::Loop { body, .. } => self.changes(body),
                _ => {}
            }
        }
    }

    fn body(&mut self, body: &[Stmt]) -> Vec<Stmt> {
        let mut done = Vec::with_capacity(body.len());
        for stmt in body {
            let Stmt::Loop { var, from, to, lanes, body } = stmt else {
                done.push(stmt.clone());
                continue;
            };
            let written = match *lanes && to - from >= ITERATIONS {
                true => self.lanes(body),
                false => None,
            };
            let body = written.unwrap_or_else(|| self.body(body));
            done.push(Stmt::Loop { var: *var, from: *from, to: *to, lanes: *lanes, body });
        }
        done
    }

    /// The body of a lane loop with its functions written out; `None` where it stays as it is.
    fn lanes(&mut self, body: &[Stmt]) -> Option<Vec<Stmt>> {
        let mut size = body.len();
        for stmt in body {
            match stmt {
                Stmt::Let(_, Op::Call(function, args)) if args.len() == 1 => {
                    size += self.template(*function).map_or(0, Template::size);
                }
                Stmt::Loop { .. } => return None,
                _ => {}
            }
        }
        if size == body.len() || size > STATEMENTS {
            return None;
        }
        let mut done = Vec::with_capacity(size);
        let mut known: FxHashMap<Key, Reg> = FxHashMap::default();
        for stmt in body {
            match stmt {
                Stmt::Let(reg, Op::Call(function, args))
                    if self.template(*function).is_some() && !self.changed.contains(&args[0]) =>
                {
                    self.write(*function, args[0], *reg, &mut known, &mut done);
                }
                _ => done.push(stmt.clone()),
            }
        }
        Some(done)
    }

    fn template(&mut self, function: Function) -> Option<&Template> {
        let name = || Map::by_id(function.0).name;
        self.templates.entry(function).or_insert_with(|| template(name(), self.precision)).as_ref()
    }

    /// Writes a function of `arg` that gives `to`.
    fn write(
        &mut self,
        function: Function,
        arg: Reg,
        to: Reg,
        known: &mut FxHashMap<Key, Reg>,
        done: &mut Vec<Stmt>,
    ) {
        let Some(Some(template)) = self.templates.get(&function) else { return };
        let mut names = Vec::with_capacity(template.ops.len() + 1);
        names.push(arg);
        for (k, op) in template.ops.iter().enumerate() {
            if let Op::Const(x) = op {
                let next = Reg(self.regs);
                let name = *self.constants.entry(x.to_bits()).or_insert_with(|| {
                    self.regs += 1;
                    self.start.push(Stmt::Let(next, Op::Const(*x)));
                    next
                });
                names.push(name);
                continue;
            }
            let mut op = op.clone();
            op.each_reg_mut(&mut |r| *r = names[r.0 as usize]);
            if k + 1 == template.ops.len() {
                // The result has the name of the call's, whoever else computed it.
                done.push(Stmt::Let(to, op));
                return;
            }
            let next = Reg(self.regs);
            let name = *known.entry(Key::of(&op)).or_insert_with(|| {
                self.regs += 1;
                done.push(Stmt::Let(next, op));
                next
            });
            names.push(name);
        }
    }
}
