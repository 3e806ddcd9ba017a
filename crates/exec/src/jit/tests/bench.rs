//! What machine code costs; run with `--release -- --ignored --nocapture jit`.

use super::*;
use std::hint::black_box;
use std::time::Instant;

fn lane(buffer: u16) -> Address {
    let mut at = Affine::constant(0);
    at.step(Var(0), 1);
    Address { buffer: Buffer(buffer), at }
}

fn over_lanes(extent: i64, body: Vec<Stmt>) -> Stmt {
    Stmt::Loop { var: Var(0), from: 0, to: extent, lanes: true, body }
}

/// `count` operations on numbers from registers `0..inputs`, as a chain that forks: what a small network looks like.
fn operations(inputs: u32, count: u32, body: &mut Vec<Stmt>) -> Reg {
    let mut state = 12345u32;
    let mut pick = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Reg(below.saturating_sub(1 + (state >> 8) % 24.min(below)))
    };
    for k in inputs..inputs + count {
        let (a, b, c) = (pick(k), pick(k), pick(k));
        let op = match k % 5 {
            0 => Op::Binary(Binary::Add, a, b),
            1 => Op::Binary(Binary::Mul, a, b),
            2 => Op::Unary(Unary::Neg, a),
            _ => Op::MulAdd(a, b, c),
        };
        body.push(Stmt::Let(Reg(k), op));
    }
    Reg(inputs + count - 1)
}

fn time(name: &str, program: &Program, numbers: usize, runs: u32) {
    let start = Instant::now();
    let machine = compile(program, &[], &functions).unwrap();
    let compiled = start.elapsed();
    // Aligned to cache lines, and none a multiple of a page from another.
    let mut data: Vec<Vec<f64>> = (0..4).map(|k| vec![0.25 + f64::from(k) / 8.0; numbers + 64]).collect();
    let aligned = |(k, v): (usize, &mut Vec<f64>)| {
        v.as_mut_ptr().wrapping_add(8 * k).cast::<u8>().wrapping_add(v.as_ptr().cast::<u8>().align_offset(64))
    };
    let table: Vec<*mut u8> = data.iter_mut().enumerate().map(aligned).collect();
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..runs {
            // SAFETY: the programs below stay inside buffers of `numbers` numbers.
            unsafe { machine.run(black_box(&table)) };
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(runs));
    }
    println!("{name}: {best:.1} ns a call, {} bytes, compiled in {compiled:?}", machine.code().len());
}

#[test]
#[ignore = "prints figures"]
fn figures() {
    let mut body: Vec<Stmt> =
        (0..12).map(|k| Stmt::Let(Reg(k), Op::Load(address(0, i64::from(k))))).collect();
    operations(12, 150, &mut body);
    body.extend((0..12).map(|k| Stmt::Store(address(1, i64::from(k)), Reg(150 + k))));
    time("150 operations", &straight(Precision::F64, body), 16, 1_000_000);

    time("nothing", &straight(Precision::F64, vec![]), 16, 1_000_000);

    let axpy = vec![
        Stmt::Let(Reg(0), Op::Load(address(0, 0))),
        over_lanes(
            1000,
            vec![
                Stmt::Let(Reg(1), Op::Load(lane(1))),
                Stmt::Let(Reg(2), Op::Load(lane(2))),
                Stmt::Let(Reg(3), Op::MulAdd(Reg(0), Reg(1), Reg(2))),
                Stmt::Store(lane(2), Reg(3)),
            ],
        ),
    ];
    time("a x + y, 1000 lanes", &straight(Precision::F64, axpy), 1000, 100_000);

    let mut body: Vec<Stmt> =
        vec![Stmt::Let(Reg(0), Op::Load(lane(0))), Stmt::Let(Reg(1), Op::Load(lane(1)))];
    let last = operations(2, 300, &mut body);
    body.push(Stmt::Store(lane(2), last));
    time("300 operations, 4096 lanes", &straight(Precision::F64, vec![over_lanes(4096, body)]), 4096, 100);

    let mut body: Vec<Stmt> =
        (0..12).map(|k| Stmt::Let(Reg(k), Op::Load(address(0, i64::from(k))))).collect();
    operations(12, 100_000, &mut body);
    body.push(Stmt::Store(address(1, 0), Reg(100_011)));
    let long = Program { regs: 200_000, ..straight(Precision::F64, body) };
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        black_box(compile(&long, &[], &functions).unwrap());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("100000 statements: compiled in {:.1} ms", best * 1e3);
}
