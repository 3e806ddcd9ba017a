//! Functions written out give the bits of the functions that are called, in either back end.
#![allow(unsafe_code, reason = "programs are run over buffers of their size")]

use super::inline;
use super::symbol::template;
use crate::jit;
use crate::lane::Number;
use crate::lane::interpret::{self, Scratch};
use crate::lane::program::{
    Address, Affine, Binary, Buffer, Function, Op, Precision, Program, Reg, Stmt, Var,
};
use crate::vector::{Loop, kernel};
use chainrule_core::ops::map::{MAPS, Map};

/// Functions that a program may have written out.
const INLINED: [&str; 9] = ["exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "sin", "cos"];

/// `y[i], z[i], … = f(x[i]), g(x[i]), …` of `n` numbers.
fn program(names: &[&str], precision: Precision, n: usize) -> Program {
    let mut at = Affine::constant(0);
    at.step(Var(0), 1);
    let address = |k: usize| Address { buffer: Buffer(k as u16), at: at.clone() };
    let mut body = vec![Stmt::Let(Reg(0), Op::Load(address(0)))];
    for (k, name) in names.iter().enumerate() {
        let function = Function(Map::by_name(name).unwrap().id);
        body.push(Stmt::Let(Reg(k as u32 + 1), Op::Call(function, [Reg(0)].into_iter().collect())));
        body.push(Stmt::Store(address(k + 1), Reg(k as u32 + 1)));
    }
    let body = vec![Stmt::Loop { var: Var(0), from: 0, to: n as i64, lanes: true, body }];
    Program { precision, regs: names.len() as u32 + 1, indices: 0, vars: 1, body }
}

fn evaluate<T: Number>(function: Function, args: &[&[T]], out: &mut [T]) {
    match T::kernel(kernel(Map::by_id(function.0).name).unwrap()) {
        Loop::One(f) => f(args[0], out),
        _ => panic!("the functions here are of one number"),
    }
}

fn address(function: Function, precision: Precision) -> Option<usize> {
    use crate::vector::{Operand, address};
    let operand = match precision {
        Precision::F64 => Operand::F64x4,
        Precision::F32 => Operand::F32x8,
    };
    address(Map::by_id(function.0).name, operand)
}

/// Results of a program: one row for each of its outputs.
fn run<T: Number>(program: &Program, x: &[T], rows: usize, machine: bool) -> Vec<Vec<u64>> {
    let mut x = x.to_vec();
    let mut out = vec![vec![T::default(); x.len()]; rows];
    let buffers: Vec<*mut u8> =
        std::iter::once(&mut x).chain(&mut out).map(|row| row.as_mut_ptr().cast()).collect();
    // SAFETY: every buffer has as many numbers as the loop of the program has iterations.
    unsafe {
        match machine {
            true => jit::compile(program, &[], &address).unwrap().run(&buffers),
            false => interpret::run(program, &evaluate::<T>, &buffers, &mut Scratch::default()),
        }
    }
    out.iter().map(|row| row.iter().map(|y| y.bits()).collect()).collect()
}

/// Edges, numbers of every size and sign, and many of the usual size; not a whole number of registers.
fn arguments<T: Number>() -> Vec<T> {
    let edges =
        [0.0, 1.0, f64::INFINITY, f64::NAN, 5e-324, 1e-310, 2.2e-308, 1.2e-38, 1e-45, 1e300, 745.2, 709.8];
    let mut found: Vec<f64> = edges.iter().flat_map(|&x| [x, -x]).collect();
    let mut state = 1u64;
    for k in 0..2003 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        found.push(match k % 4 {
            0 => f64::from_bits(state),
            1 => f64::from(f32::from_bits((state >> 32) as u32)),
            2 => unit * 1e-3,
            _ => unit * 60.0,
        });
    }
    // A register without a huge argument, so that sine and cosine go either way.
    found.extend([0.5; 16]);
    found.into_iter().map(T::of).collect()
}

fn agrees<T: Number>() {
    let x: Vec<T> = arguments();
    let mut sets: Vec<Vec<&str>> = INLINED.iter().map(|name| vec![*name]).collect();
    sets.push(vec!["sin", "cos"]);
    sets.push(INLINED.to_vec());
    for names in sets {
        let called = program(&names, T::PRECISION, x.len());
        let written = inline(&called);
        assert_ne!(*written, called, "{names:?} stay calls");
        assert_eq!(written.validate(), Ok(()));
        let expected = run(&called, &x, names.len(), false);
        assert_eq!(run(&written, &x, names.len(), false), expected, "{names:?}, interpreted");
        if jit::compile(&called, &[], &address).is_ok() {
            assert_eq!(run(&called, &x, names.len(), true), expected, "{names:?}, called");
            assert_eq!(run(&written, &x, names.len(), true), expected, "{names:?}, written out");
        }
    }
}

#[test]
fn written_functions_have_the_bits_of_calls_in_f64() {
    agrees::<f64>();
}

#[test]
fn written_functions_have_the_bits_of_calls_in_f32() {
    agrees::<f32>();
}

#[test]
fn the_other_functions_stay_calls() {
    for map in MAPS {
        let written = template(map.name, Precision::F64).is_some();
        assert_eq!(written, INLINED.contains(&map.name), "{}", map.name);
    }
}

/// Statements of the loop of a program.
fn size(program: &Program) -> usize {
    let of = |stmt: &Stmt| if let Stmt::Loop { body, .. } = stmt { body.len() } else { 0 };
    program.body.iter().map(of).sum()
}

#[test]
fn what_functions_share_is_written_once() {
    let of = |names: &[&str]| size(&inline(&program(names, Precision::F64, 100)));
    let (sine, cosine, both) = (of(&["sin"]), of(&["cos"]), of(&["sin", "cos"]));
    // Each needs both polynomials, so the second one costs a selection and a sign.
    assert!(both < sine.max(cosine) + 12, "{sine} and {cosine}, together {both}");
}

#[test]
fn short_loops_keep_their_calls_and_long_bodies_too() {
    let short = program(&["exp"], Precision::F64, 7);
    assert_eq!(*inline(&short), short);
    // Different arguments, so that nothing is shared.
    let long = |count: u32| {
        let mut long = program(&["exp"], Precision::F64, 100);
        let Stmt::Loop { body, .. } = &mut long.body[0] else { panic!("a loop") };
        let function = Function(Map::by_name("exp").unwrap().id);
        for k in (1..count).map(|k| 2 * k) {
            body.insert(k as usize, Stmt::Let(Reg(k), Op::Binary(Binary::Add, Reg(k - 2), Reg(0))));
            let call = Op::Call(function, [Reg(k)].into_iter().collect());
            body.insert(k as usize + 1, Stmt::Let(Reg(k + 1), call));
        }
        Program { regs: 2 * count, ..long }
    };
    assert!(size(&inline(&long(30))) > 800);
    assert_eq!(*inline(&long(200)), long(200));
}
