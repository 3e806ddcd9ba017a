//! Loops with more sums than a processor has registers, cut into loops that keep theirs.
//!
//! `Σ_i p[r,i] x[c,i]` for twenty `r` and `c` is one loop over `i` with 400 sums; those that find no register are read and
//! written for every `i`. Cut into loops of twelve sums each, three `r` by four `c`, seven numbers are read for twelve
//! products. What a loop needs of the values that the others compute too, it computes again, so loops are cut only where
//! that costs less than the reads and writes it saves. Every sum keeps its terms in their order, and so its bits.
//!
//! Sums are cut out of lane loops without loops inside, where nothing reads them before they are folded, and where what
//! they are made of is not written by the loop. The loops of sums run before what is left of the loop, which may write.

use super::program::{Binary, Buffer, Op, Program, Reg, Stmt, Unary};
use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::cmp::Reverse;

/// Sums of a loop: of fourteen registers, three are left for factors that stay, and two for what comes and goes.
const SUMS: usize = 9;

/// Factors that stay in registers, each for several sums.
const FACTORS: usize = 3;

/// Loops with more sums keep them: looking for those that belong together would take too long.
const MOST: usize = 1024;

/// Statements by which a factor may be computed again.
const DEEP: usize = 48;

/// What a sum without a register costs for each vector, in operations: it is read and written.
const HOMELESS: usize = 3;

/// What a function costs, in operations.
const CALL: usize = 40;

/// What a division costs, in operations.
const DIVISION: usize = 12;

/// Iterations from which a loop is worth cutting.
const ITERATIONS: i64 = 16;

/// The program with loops cut; as it was, where none is.
pub fn distribute(program: &Program) -> Cow<'_, Program> {
    let sums = |body: &[Stmt]| body.iter().filter(|s| matches!(s, Stmt::Set(..))).count();
    if !program.has_lane_loop(&|from, to, body| to - from >= ITERATIONS && sums(body) > SUMS) {
        return Cow::Borrowed(program);
    }
    let mut cutter = Cutter { regs: program.regs, cut: false };
    let body = cutter.body(&program.body);
    match cutter.cut {
        true => Cow::Owned(Program { regs: cutter.regs, body, ..*program }),
        false => Cow::Borrowed(program),
    }
}

/// A sum of a loop: `acc + a·b`, or `acc + a`.
#[derive(Clone, Debug)]
struct Sum {
    acc: Reg,
    /// Where the loop computes the new value, and where it keeps it.
    at: [usize; 2],
    factors: Vec<Reg>,
    /// Statements that the factors are computed by, in their order.
    slice: Vec<usize>,
}

struct Cutter {
    /// Registers in use: the next one has this number.
    regs: u32,
    cut: bool,
}

impl Cutter {
    /// Loops nest only as deep as an array has axes.
    fn body(&mut self, body: &[Stmt]) -> Vec<Stmt> {
        let mut done: Vec<Stmt> = body.to_vec();
        let mut k = 0;
        while k < done.len() {
            if let Stmt::Loop { var, from, to, lanes, body } = &done[k] {
                let innermost = !body.iter().any(|s| matches!(s, Stmt::Loop { .. }));
                if *lanes && innermost && to - from >= ITERATIONS {
                    if let Some([before, loops, after]) = self.cut(&done, k) {
                        self.cut = true;
                        k = before.len() + loops.len();
                        done = [before, loops, after].concat();
                        continue;
                    }
                } else if !innermost {
                    let inner = self.body(body);
                    done[k] = Stmt::Loop { var: *var, from: *from, to: *to, lanes: *lanes, body: inner };
                }
            }
            k += 1;
        }
        done
    }

    /// The statements before the loop at a place, the loops that take its place, and the statements after it; sums that
    /// leave it are declared and folded beside their own loop.
    fn cut(&mut self, around: &[Stmt], at: usize) -> Option<[Vec<Stmt>; 3]> {
        let Stmt::Loop { var, from, to, body, .. } = &around[at] else { return None };
        let sums = sums(around, at, body);
        if sums.len() <= SUMS || sums.len() > MOST {
            return None;
        }
        let groups = groups(&sums);
        let leaving: FxHashSet<usize> = sums.iter().flat_map(|s| s.at).collect();
        let left = needed(body, &leaving);
        let slices: Vec<Vec<usize>> =
            groups.iter().map(|group| slice(group.iter().map(|&s| &sums[s]))).collect();
        let price = |of: &[usize]| of.iter().map(|&k| price(&body[k])).sum::<usize>();
        let all: Vec<usize> = (0..body.len()).collect();
        let together = price(&all) + HOMELESS * (sums.len() - SUMS);
        let apart = slices.iter().map(|slice| price(slice)).sum::<usize>() + sums.len() + price(&left);
        if apart * 10 >= together * 9 {
            return None;
        }
        let of_acc: FxHashMap<Reg, usize> = sums.iter().enumerate().map(|(k, s)| (s.acc, k)).collect();
        let mut declared: Vec<Option<Stmt>> = vec![None; sums.len()];
        let mut folded: Vec<Option<Stmt>> = vec![None; sums.len()];
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (k, stmt) in around.iter().enumerate() {
            match stmt {
                Stmt::Let(reg, Op::Const(_)) if of_acc.contains_key(reg) => {
                    declared[of_acc[reg]] = Some(stmt.clone())
                }
                Stmt::Let(_, Op::Fold(_, acc)) if of_acc.contains_key(acc) => {
                    folded[of_acc[acc]] = Some(stmt.clone())
                }
                _ if k < at => before.push(stmt.clone()),
                _ if k > at => after.push(stmt.clone()),
                _ => {}
            }
        }
        let mut loops = Vec::new();
        for (group, slice) in groups.iter().zip(&slices) {
            loops.extend(group.iter().filter_map(|&s| declared[s].take()));
            let mut names: FxHashMap<Reg, Reg> = FxHashMap::default();
            // A factor is computed where it is first wanted, so that few are wanted at once.
            let (mut own, mut done) =
                (Vec::with_capacity(slice.len() + 2 * group.len()), FxHashSet::default());
            for &s in group {
                for k in sums[s].slice.iter().chain(&sums[s].at) {
                    if done.insert(*k) {
                        own.push(self.renamed(&body[*k], &mut names));
                    }
                }
            }
            loops.push(Stmt::Loop { var: *var, from: *from, to: *to, lanes: true, body: own });
            loops.extend(group.iter().filter_map(|&s| folded[s].take()));
        }
        if !left.is_empty() {
            loops.push(looped(around, at, left.iter().map(|&k| body[k].clone()).collect()));
        }
        Some([before, loops, after])
    }

    /// A statement whose register has a name of its own in this copy.
    fn renamed(&mut self, stmt: &Stmt, names: &mut FxHashMap<Reg, Reg>) -> Stmt {
        let known = |names: &FxHashMap<Reg, Reg>, reg: Reg| names.get(&reg).copied().unwrap_or(reg);
        match stmt {
            Stmt::Let(reg, op) => {
                let mut op = op.clone();
                op.each_reg_mut(&mut |r| *r = known(names, *r));
                let own = Reg(self.regs);
                self.regs += 1;
                names.insert(*reg, own);
                Stmt::Let(own, op)
            }
            Stmt::Set(acc, from) => Stmt::Set(*acc, known(names, *from)),
            other => unreachable!("invariant: {other:?} is part of no sum"),
        }
    }
}

/// The loop at a place with another body.
fn looped(around: &[Stmt], at: usize, body: Vec<Stmt>) -> Stmt {
    let Stmt::Loop { var, from, to, lanes, .. } = &around[at] else { unreachable!("invariant: a loop") };
    Stmt::Loop { var: *var, from: *from, to: *to, lanes: *lanes, body }
}

/// Operations of a statement.
fn price(stmt: &Stmt) -> usize {
    match stmt {
        Stmt::Let(_, Op::Const(_)) | Stmt::Set(..) => 0,
        Stmt::Let(_, Op::Call(..) | Op::CallWhere(..)) => CALL,
        Stmt::Let(_, Op::Binary(Binary::Div, ..) | Op::Unary(Unary::Sqrt, _)) => DIVISION,
        _ => 1,
    }
}

/// Statements of several sums, each once, in their order.
fn slice<'a>(sums: impl Iterator<Item = &'a Sum>) -> Vec<usize> {
    let mut all: Vec<usize> = sums.flat_map(|s| &s.slice).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The sums that may leave the loop at a place.
fn sums(around: &[Stmt], at: usize, body: &[Stmt]) -> Vec<Sum> {
    // Who gives a register its value in the loop, and how often it is read.
    let mut given: FxHashMap<Reg, usize> = FxHashMap::default();
    let mut reads: FxHashMap<Reg, usize> = FxHashMap::default();
    let mut sets: FxHashMap<Reg, Vec<usize>> = FxHashMap::default();
    let mut stored: FxHashSet<Buffer> = FxHashSet::default();
    for (k, stmt) in body.iter().enumerate() {
        match stmt {
            Stmt::Let(reg, op) => {
                given.insert(*reg, k);
                op.each_reg(&mut |r| *reads.entry(r).or_default() += 1);
            }
            Stmt::Set(acc, from) => {
                sets.entry(*acc).or_default().push(k);
                *reads.entry(*from).or_default() += 1;
            }
            Stmt::Store(to, from) => {
                stored.insert(to.buffer);
                *reads.entry(*from).or_default() += 1;
            }
            Stmt::Index(..) | Stmt::Loop { .. } => {}
        }
    }
    let outside = Outside::of(around, at);
    let mut found = Vec::new();
    let mut slices: FxHashMap<Reg, Option<Vec<usize>>> = FxHashMap::default();
    for (k, stmt) in body.iter().enumerate() {
        let Stmt::Set(acc, from) = stmt else { continue };
        let (Some(&sum), true, Some(1), Some(1)) = (
            given.get(from),
            sets[acc].len() == 1 && outside.may_leave(*acc),
            reads.get(acc),
            reads.get(from),
        ) else {
            continue;
        };
        let factors = match &body[sum] {
            Stmt::Let(_, Op::MulAdd(a, b, c) | Op::NegMulAdd(a, b, c)) if c == acc => vec![*a, *b],
            Stmt::Let(_, Op::Binary(Binary::Add, a, b)) if a == acc || b == acc => {
                vec![if a == acc { *b } else { *a }]
            }
            _ => continue,
        };
        let mut slice = Vec::new();
        let mut whole = true;
        for factor in &factors {
            let own = slices.entry(*factor).or_insert_with(|| made_of(*factor, body, &given, &sets, &stored));
            match own {
                Some(own) => slice.extend_from_slice(own),
                None => whole = false,
            }
        }
        if whole {
            slice.sort_unstable();
            slice.dedup();
            found.push(Sum { acc: *acc, at: [sum, k], factors, slice });
        }
    }
    found
}

/// What is done with registers outside of a loop.
struct Outside {
    /// Declared as a number before the loop.
    numbers: FxHashSet<Reg>,
    /// Folded after it.
    folded: FxHashSet<Reg>,
    /// Read or changed in another way.
    other: FxHashSet<Reg>,
}

impl Outside {
    fn of(around: &[Stmt], at: usize) -> Outside {
        let mut outside = Outside {
            numbers: FxHashSet::default(),
            folded: FxHashSet::default(),
            other: FxHashSet::default(),
        };
        let mut open: Vec<(&Stmt, bool, bool)> =
            around.iter().enumerate().filter(|(k, _)| *k != at).map(|(k, s)| (s, k > at, true)).collect();
        while let Some((stmt, after, here)) = open.pop() {
            match stmt {
                Stmt::Let(reg, Op::Const(_)) if here && !after => drop(outside.numbers.insert(*reg)),
                Stmt::Let(_, Op::Fold(_, acc)) if here && after => {
                    if !outside.folded.insert(*acc) {
                        outside.other.insert(*acc);
                    }
                }
                Stmt::Let(_, op) => op.each_reg(&mut |r| {
                    outside.other.insert(r);
                }),
                Stmt::Set(acc, from) => outside.other.extend([*acc, *from]),
                Stmt::Store(_, from) => drop(outside.other.insert(*from)),
                Stmt::Index(..) => {}
                Stmt::Loop { body, .. } => open.extend(body.iter().map(|s| (s, after, false))),
            }
        }
        outside
    }

    fn may_leave(&self, acc: Reg) -> bool {
        self.numbers.contains(&acc) && self.folded.contains(&acc) && !self.other.contains(&acc)
    }
}

/// The statements of a loop that a register's value is computed by; `None` where they may not be done elsewhere, or are too
/// many to be done again.
fn made_of(
    reg: Reg,
    body: &[Stmt],
    given: &FxHashMap<Reg, usize>,
    sets: &FxHashMap<Reg, Vec<usize>>,
    stored: &FxHashSet<Buffer>,
) -> Option<Vec<usize>> {
    let mut all: Vec<usize> = Vec::new();
    let mut open = vec![reg];
    while let Some(reg) = open.pop() {
        if sets.contains_key(&reg) {
            return None;
        }
        // What is computed outside is there.
        let Some(&k) = given.get(&reg) else { continue };
        if all.contains(&k) {
            continue;
        }
        if all.len() == DEEP {
            return None;
        }
        let Stmt::Let(_, op) = &body[k] else { return None };
        let still = op.affine().is_none_or(|at| at.indexed.is_empty());
        if !still || matches!(op, Op::Load(from) | Op::LoadInt(from) if stored.contains(&from.buffer)) {
            return None;
        }
        all.push(k);
        op.each_reg(&mut |r| open.push(r));
    }
    Some(all)
}

/// The statements that are still needed when some have left.
fn needed(body: &[Stmt], leaving: &FxHashSet<usize>) -> Vec<usize> {
    let mut read: FxHashSet<Reg> = FxHashSet::default();
    let mut left = Vec::new();
    for (k, stmt) in body.iter().enumerate().rev().filter(|(k, _)| !leaving.contains(k)) {
        match stmt {
            Stmt::Let(reg, op) => {
                if !read.contains(reg) {
                    continue;
                }
                op.each_reg(&mut |r| {
                    read.insert(r);
                });
            }
            Stmt::Set(acc, from) => read.extend([*acc, *from]),
            Stmt::Store(_, from) => drop(read.insert(*from)),
            Stmt::Index(..) | Stmt::Loop { .. } => {}
        }
        left.push(k);
    }
    left.reverse();
    // Indices alone do nothing.
    let works = left.iter().any(|&k| matches!(body[k], Stmt::Set(..) | Stmt::Store(..)));
    if works { left } else { Vec::new() }
}

/// Sums that have factors in common, a loop's worth at a time.
fn groups(sums: &[Sum]) -> Vec<Vec<usize>> {
    let mut products = Products::new(sums);
    let mut groups: Vec<Vec<usize>> = std::iter::from_fn(|| products.tile()).collect();
    let plain: Vec<usize> = (0..sums.len()).filter(|&k| sums[k].factors.len() == 1).collect();
    groups.extend(plain.chunks(SUMS).map(<[usize]>::to_vec));
    // Small ones together.
    let mut joined: Vec<Vec<usize>> = Vec::new();
    for group in groups {
        match joined.iter_mut().find(|other| other.len() + group.len() <= SUMS) {
            Some(other) => other.extend(group),
            None => joined.push(group),
        }
    }
    joined
}

/// The sums of products that no loop has yet, as edges between their factors.
struct Products<'a> {
    sums: &'a [Sum],
    open: Vec<bool>,
    /// The sums of each factor, factors in the order in which they are met.
    of: IndexMap<Reg, Vec<usize>>,
}

impl<'a> Products<'a> {
    fn new(sums: &'a [Sum]) -> Products<'a> {
        let mut of: IndexMap<Reg, Vec<usize>> = IndexMap::new();
        for (k, sum) in sums.iter().enumerate().filter(|(_, s)| s.factors.len() == 2) {
            for factor in &sum.factors {
                let own = of.entry(*factor).or_default();
                // A square has one factor.
                if own.last() != Some(&k) {
                    own.push(k);
                }
            }
        }
        Products { sums, open: vec![true; sums.len()], of }
    }

    /// The sums of a factor that are left.
    fn left(&self, factor: Reg) -> impl Iterator<Item = usize> {
        self.of[&factor].iter().copied().filter(|&k| self.open[k])
    }

    fn partner(&self, sum: usize, factor: Reg) -> Reg {
        let factors = &self.sums[sum].factors;
        if factors[0] == factor { factors[1] } else { factors[0] }
    }

    /// The next loop: the factor with most sums left, the partners of it with most, and other factors with most of these
    /// partners, one after the other.
    fn tile(&mut self) -> Option<Vec<usize>> {
        let count = |factor: Reg| self.left(factor).count();
        let first = self.of.keys().copied().rev().max_by_key(|f| count(*f)).filter(|f| count(*f) > 0)?;
        let mut partners: Vec<Reg> = self.left(first).map(|k| self.partner(k, first)).collect();
        partners.sort_by_key(|factor| Reverse(count(*factor)));
        partners.truncate(FACTORS);
        let mut shared: IndexMap<Reg, Vec<usize>> = IndexMap::new();
        for &factor in &partners {
            for k in self.left(factor) {
                let of = shared.entry(self.partner(k, factor)).or_default();
                if !of.contains(&k) {
                    of.push(k);
                }
            }
        }
        shared.sort_by_key(|factor, sums| (*factor != first, Reverse(sums.len())));
        let mut tile: Vec<usize> = Vec::new();
        for sums in shared.values() {
            let new: Vec<usize> = sums.iter().copied().filter(|k| !tile.contains(k)).collect();
            if tile.len() + new.len() <= SUMS {
                tile.extend(new);
            }
        }
        tile.iter().for_each(|&k| self.open[k] = false);
        Some(tile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::interpret::{self, Scratch};
    use crate::lane::program::{Address, Affine, Fold, Precision, Var};

    const LENGTH: i64 = 37;

    /// Row `row` of a buffer, at the counter.
    fn at(buffer: u16, row: i64) -> Address {
        let mut at = Affine::constant(row * LENGTH);
        at.step(Var(0), 1);
        Address { buffer: Buffer(buffer), at }
    }

    /// `y[r,c] = Σ_i f(a[r,i]) b[c,i]` and `y[rows,c] = Σ_i b[c,i]` for some pairs; statements that follow each sum.
    fn sums(
        rows: u32,
        columns: u32,
        pair: fn(u32, u32) -> bool,
        then: impl Fn(u32, Reg) -> Vec<Stmt>,
    ) -> Program {
        let (mut before, mut body, mut after) = (Vec::new(), Vec::new(), Vec::new());
        let mut regs = 0;
        let mut next = || {
            regs += 1;
            Reg(regs - 1)
        };
        let load = |next: &mut dyn FnMut() -> Reg, body: &mut Vec<Stmt>, buffer, row| {
            let x = next();
            body.push(Stmt::Let(x, Op::Load(at(buffer, i64::from(row)))));
            x
        };
        let mut left = Vec::new();
        for r in 0..rows {
            let x = load(&mut next, &mut body, 0, r);
            let y = next();
            body.push(Stmt::Let(y, Op::Binary(Binary::Mul, x, x)));
            left.push(y);
        }
        let right: Vec<Reg> = (0..columns).map(|c| load(&mut next, &mut body, 1, c)).collect();
        let all = (0..=rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
        for (k, (r, c)) in all.filter(|&(r, c)| r == rows || pair(r, c)).enumerate() {
            let (acc, sum, fold) = (next(), next(), next());
            before.push(Stmt::Let(acc, Op::Const(0.0)));
            let op = match left.get(r as usize) {
                Some(&x) if (r + c) % 2 == 0 => Op::MulAdd(x, right[c as usize], acc),
                Some(&x) => Op::NegMulAdd(right[c as usize], x, acc),
                None => Op::Binary(Binary::Add, right[c as usize], acc),
            };
            body.extend([Stmt::Let(sum, op), Stmt::Set(acc, sum)]);
            body.extend(then(k as u32, sum));
            after.push(Stmt::Let(fold, Op::Fold(Fold::Sum, acc)));
            after.push(Stmt::Store(Address { buffer: Buffer(2), at: Affine::constant(k as i64) }, fold));
        }
        before.push(Stmt::Loop { var: Var(0), from: 0, to: LENGTH, lanes: true, body });
        before.append(&mut after);
        let regs = next().0;
        Program { precision: Precision::F64, regs, indices: 0, vars: 1, body: before }
    }

    fn loops(program: &Program) -> usize {
        program.body.iter().filter(|s| matches!(s, Stmt::Loop { .. })).count()
    }

    /// The buffers after a run.
    fn run(program: &Program) -> Vec<Vec<u64>> {
        assert_eq!(program.validate(), Ok(()));
        let numbers =
            |seed: usize| (0..1024).map(|k| ((k * 37 + seed) % 101) as f64 / 7.0 - 6.0).collect::<Vec<f64>>();
        let mut buffers = [numbers(3), numbers(58), vec![0.5; 1024]];
        let table: Vec<*mut u8> = buffers.iter_mut().map(|b| b.as_mut_ptr().cast()).collect();
        interpreted(program, &table);
        buffers.iter().map(|b| b.iter().map(|x| x.to_bits()).collect()).collect()
    }

    #[allow(unsafe_code)]
    fn interpreted(program: &Program, table: &[*mut u8]) {
        // SAFETY: rows and sums lie inside the buffers.
        unsafe { interpret::run::<f64>(program, &|_, _, _| {}, table, &mut Scratch::default()) }
    }

    #[test]
    fn sums_of_products_keep_their_bits_in_loops_of_their_own() {
        for (rows, columns, pair) in [
            (12, 12, (|_, _| true) as fn(u32, u32) -> bool),
            (14, 14, |r, c| c <= r),
            (3, 20, |r, c| (r + c) % 3 > 0),
        ] {
            let program = sums(rows, columns, pair, |_, _| Vec::new());
            let cut = distribute(&program);
            assert!(loops(&cut) > 3, "{rows} x {columns}: {}", loops(&cut));
            assert_eq!(run(&program), run(&cut));
            // No loop has more sums than registers.
            for stmt in &cut.body {
                let Stmt::Loop { body, .. } = stmt else { continue };
                assert!(body.iter().filter(|s| matches!(s, Stmt::Set(..))).count() <= SUMS);
            }
        }
    }

    #[test]
    fn few_sums_and_short_loops_stay() {
        let few = sums(2, 3, |_, _| true, |_, _| Vec::new());
        assert!(matches!(distribute(&few), Cow::Borrowed(_)));
        let mut short = sums(12, 12, |_, _| true, |_, _| Vec::new());
        for stmt in &mut short.body {
            if let Stmt::Loop { to, .. } = stmt {
                *to = ITERATIONS - 1;
            }
        }
        assert!(matches!(distribute(&short), Cow::Borrowed(_)));
    }

    #[test]
    fn a_sum_that_the_loop_reads_stays_in_it() {
        // Running sums are stored: into a buffer of their own, and over a factor.
        let stored = |to: u16| {
            move |k: u32, sum: Reg| match k {
                5 | 40 => vec![Stmt::Store(at(to, 20), sum)],
                _ => Vec::new(),
            }
        };
        let program = sums(12, 12, |_, _| true, stored(2));
        let cut = distribute(&program);
        assert!(loops(&cut) > 3);
        assert_eq!(run(&program), run(&cut));
        let Some(Stmt::Loop { body, .. }) = cut.body.iter().rfind(|s| matches!(s, Stmt::Loop { .. })) else {
            panic!()
        };
        assert_eq!(body.iter().filter(|s| matches!(s, Stmt::Set(..))).count(), 2);
        let over = sums(12, 12, |_, _| true, stored(1));
        assert!(matches!(distribute(&over), Cow::Borrowed(_)));
    }
}
