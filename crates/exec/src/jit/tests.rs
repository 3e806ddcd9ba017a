//! Machine code against the plainest executor, over random programs, between pages that nobody may touch.
#![allow(unsafe_code)] // Functions for vectors, pages without access, and machine code that is run.
#![allow(improper_ctypes_definitions)] // Vectors travel in registers, as the call asks for.

mod bench;
mod generate;
mod memory;
mod reference;

use super::{Machine, Way, compile};
use crate::lane::program::{
    Address, Affine, Binary, Buffer, Fold, Function, Op, Precision, Program, Reg, Stmt, Unary, Var,
};
use generate::{Case, case, rows};
use memory::Guarded;
use std::arch::asm;
use std::arch::x86_64::{
    __m256, __m256d, _mm256_add_pd, _mm256_add_ps, _mm256_mul_pd, _mm256_mul_ps, _mm256_set1_pd,
};
use std::arch::x86_64::{_mm256_set1_ps, _mm256_sub_pd, _mm256_sub_ps};

/// Writes over every register that a function may change.
macro_rules! change_registers {
    () => {
        // SAFETY: registers declared as changed are written, and nothing else.
        unsafe {
            asm!(
                "mov rax, -1", "mov rcx, -1", "mov rdx, -1", "mov rsi, -1", "mov rdi, -1", "mov r8, -1", "mov r9, -1",
                "mov r10, -1", "mov r11, -1",
                "vpcmpeqd ymm0, ymm0, ymm0", "vpcmpeqd ymm1, ymm1, ymm1", "vpcmpeqd ymm2, ymm2, ymm2",
                "vpcmpeqd ymm3, ymm3, ymm3", "vpcmpeqd ymm4, ymm4, ymm4", "vpcmpeqd ymm5, ymm5, ymm5",
                "vpcmpeqd ymm6, ymm6, ymm6", "vpcmpeqd ymm7, ymm7, ymm7", "vpcmpeqd ymm8, ymm8, ymm8",
                "vpcmpeqd ymm9, ymm9, ymm9", "vpcmpeqd ymm10, ymm10, ymm10", "vpcmpeqd ymm11, ymm11, ymm11",
                "vpcmpeqd ymm12, ymm12, ymm12", "vpcmpeqd ymm13, ymm13, ymm13", "vpcmpeqd ymm14, ymm14, ymm14",
                "vpcmpeqd ymm15, ymm15, ymm15",
                out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("r9") _,
                out("r10") _, out("r11") _, out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _,
                out("ymm5") _, out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _,
                out("ymm11") _, out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
            );
        }
    };
}

#[target_feature(enable = "avx2,fma")]
unsafe extern "sysv64" fn one_f64(x: __m256d) -> __m256d {
    change_registers!();
    _mm256_add_pd(_mm256_mul_pd(x, _mm256_set1_pd(0.5)), _mm256_set1_pd(1.25))
}

#[target_feature(enable = "avx2,fma")]
unsafe extern "sysv64" fn two_f64(x: __m256d, y: __m256d) -> __m256d {
    change_registers!();
    _mm256_sub_pd(x, _mm256_mul_pd(y, _mm256_set1_pd(0.75)))
}

#[target_feature(enable = "avx2,fma")]
unsafe extern "sysv64" fn one_f32(x: __m256) -> __m256 {
    change_registers!();
    _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(0.5)), _mm256_set1_ps(1.25))
}

#[target_feature(enable = "avx2,fma")]
unsafe extern "sysv64" fn two_f32(x: __m256, y: __m256) -> __m256 {
    change_registers!();
    _mm256_sub_ps(x, _mm256_mul_ps(y, _mm256_set1_ps(0.75)))
}

/// Function 0 takes one number, function 1 takes two.
fn functions(function: Function, precision: Precision) -> Option<usize> {
    Some(match (function.0, precision) {
        (0, Precision::F64) => one_f64 as *const () as usize,
        (1, Precision::F64) => two_f64 as *const () as usize,
        (0, Precision::F32) => one_f32 as *const () as usize,
        (1, Precision::F32) => two_f32 as *const () as usize,
        _ => return None,
    })
}

fn run(machine: &Machine, buffers: &[Guarded]) {
    let table: Vec<*mut u8> = buffers.iter().map(|buffer| buffer.start()).collect();
    // SAFETY: the reference has run the program over buffers of these sizes without leaving them.
    unsafe { machine.run(&table) }
}

/// Runs a case both ways; answers the first difference.
fn difference(case: &Case, at_end: bool) -> Option<String> {
    let mut expected = case.buffers.clone();
    reference::run(&case.program, &mut expected);
    let buffers: Vec<Guarded> = case.buffers.iter().map(|bytes| Guarded::new(bytes, at_end)).collect();
    let machine = compile(&case.program, &[], &functions).unwrap();
    run(&machine, &buffers);
    for (k, (expected, found)) in expected.iter().zip(&buffers).enumerate() {
        let size = if k == generate::INTEGERS { 8 } else { case.program.precision.bytes() };
        for (at, (expected, found)) in expected.chunks(size).zip(found.bytes().chunks(size)).enumerate() {
            if expected != found && !(reference::is_nan(expected) && reference::is_nan(found)) {
                return Some(format!("buffer {k}, element {at}: expected {expected:x?}, found {found:x?}"));
            }
        }
    }
    None
}

fn agrees(precision: Precision, seeds: std::ops::Range<u64>, case: fn(Precision, u64) -> Case) {
    for seed in seeds {
        let case = case(precision, seed);
        assert_eq!(case.program.validate(), Ok(()), "seed {seed}");
        if let Some(difference) = difference(&case, seed % 2 == 0) {
            let case = case.smallest(|case| self::difference(case, true).is_some());
            let smallest = self::difference(&case, true);
            panic!(
                "seed {seed}, {difference}; without what it does not need, {smallest:?}\n{:?}",
                case.program.body
            );
        }
    }
}

#[test]
fn random_programs_agree_in_f64() {
    agrees(Precision::F64, 0..3000, case);
}

#[test]
fn random_programs_agree_in_f32() {
    agrees(Precision::F32, 10_000..13_000, case);
}

#[test]
fn rows_of_neighbours_agree() {
    agrees(Precision::F64, 20_000..22_000, rows);
    agrees(Precision::F32, 30_000..32_000, rows);
}

#[test]
fn vectors_that_take_turns_agree() {
    for to in [4, 5, 7, 8, 11, 12, 14, 16, 19, 41] {
        let at = |buffer| {
            let mut at = Affine::constant(0);
            at.step(Var(0), 1);
            Address { buffer: Buffer(buffer), at }
        };
        let mut body = vec![Stmt::Let(Reg(0), Op::Load(at(0)))];
        body.extend((1..200).map(|k| Stmt::Let(Reg(k), Op::MulAdd(Reg(k - 1), Reg(0), Reg(k / 2)))));
        body.push(Stmt::Store(at(1), Reg(199)));
        // One that the first statements read and the last one sets: then the second vector has to wait for all of the first.
        if to % 3 == 0 || to == 8 {
            body[1] = Stmt::Let(Reg(1), Op::MulAdd(Reg(0), Reg(0), Reg(301)));
        }
        // Two sums, of which the second one adds what the first one is by then.
        for (total, from) in [(300, 199), (301, 300)] {
            body.push(Stmt::Let(Reg(total + 10), Op::MulAdd(Reg(from), Reg(50), Reg(total))));
            body.push(Stmt::Set(Reg(total), Reg(total + 10)));
        }
        let zero = |reg| Stmt::Let(Reg(reg), Op::Const(0.0));
        let folded = Stmt::Let(Reg(320), Op::Fold(Fold::Sum, Reg(301)));
        let sum = Stmt::Store(address(2, 0), Reg(320));
        let around = Stmt::Loop { var: Var(0), from: 0, to, lanes: true, body };
        let program = straight(Precision::F64, vec![zero(300), zero(301), around, folded, sum]);
        let numbers = (0..to).flat_map(|k| (k as f64 / 50.0 - 0.3).to_le_bytes()).collect();
        let case = Case { program, buffers: vec![numbers, vec![0; 8 * to as usize], vec![0; 8]] };
        assert_eq!(difference(&case, true), None, "{to} numbers");
    }
}

#[test]
fn large_results_go_past_the_cache() {
    for (precision, to, offset, streams) in [
        (Precision::F64, 16, 0, true),
        (Precision::F32, 16, 4, true),
        (Precision::F64, 18, 0, false),
        (Precision::F64, 16, 1, false),
    ] {
        let at = |buffer, offset| {
            let mut at = Affine::constant(offset);
            at.step(Var(0), 1);
            Address { buffer: Buffer(buffer), at }
        };
        let body = vec![Stmt::Let(Reg(0), Op::Load(at(0, 0))), Stmt::Store(at(1, offset), Reg(0))];
        let body = vec![Stmt::Loop { var: Var(0), from: 0, to, lanes: true, body }];
        let program = straight(precision, body);
        let machine = compile(&program, &[(Buffer(1), Way::Past)], &functions).unwrap();
        let fence = machine.code().windows(3).any(|bytes| *bytes == [0x0f, 0xae, 0xf8]);
        assert_eq!(fence, streams, "{to} numbers from {offset}");
        let size = precision.bytes();
        let numbers: Vec<u8> = (0..to as usize * size).map(|k| k as u8).collect();
        let room = (to + offset) as usize * size;
        // Room that ends with a page begins at a multiple of 16; one number before, it does not.
        for shift in [0, size] {
            let buffers = [Guarded::new(&numbers, true), Guarded::new(&vec![0; room + shift], true)];
            let table = [buffers[0].start(), buffers[1].start()];
            // SAFETY: the elements that the program reaches are those of the buffers.
            unsafe { machine.run(&table) };
            let from = offset as usize * size;
            assert_eq!(buffers[1].bytes()[from..from + numbers.len()], numbers);
        }
    }
}

fn address(buffer: u16, offset: i64) -> Address {
    Address { buffer: Buffer(buffer), at: Affine::constant(offset) }
}

fn straight(precision: Precision, body: Vec<Stmt>) -> Program {
    Program { precision, regs: 40_000, indices: 0, vars: 1, body }
}

#[test]
fn four_calls_of_one_function_are_one() {
    let mut body: Vec<Stmt> = Vec::new();
    for k in 0..4 {
        body.push(Stmt::Let(Reg(2 * k), Op::Load(address(0, i64::from(k)))));
        body.push(Stmt::Let(Reg(2 * k + 1), Op::Call(Function(0), [Reg(2 * k)].into_iter().collect())));
        body.push(Stmt::Store(address(1, i64::from(k)), Reg(2 * k + 1)));
    }
    let machine = compile(&straight(Precision::F64, body), &[], &functions).unwrap();
    let calls = machine.code().windows(2).filter(|bytes| *bytes == [0xff, 0xd0]).count();
    // The stores between the calls may write what later loads read: they keep their order, and calls stay apart.
    assert_eq!(calls, 4);

    let mut body: Vec<Stmt> = Vec::new();
    for k in 0..4 {
        body.push(Stmt::Let(Reg(2 * k), Op::Load(address(0, i64::from(k)))));
        body.push(Stmt::Let(Reg(2 * k + 1), Op::Call(Function(0), [Reg(2 * k)].into_iter().collect())));
    }
    for k in 0..4 {
        body.push(Stmt::Store(address(1, i64::from(k)), Reg(2 * k + 1)));
    }
    let machine = compile(&straight(Precision::F64, body), &[], &functions).unwrap();
    let calls = machine.code().windows(2).filter(|bytes| *bytes == [0xff, 0xd0]).count();
    assert_eq!(calls, 1);
    let numbers: Vec<u8> = [2.0f64, 4.0, 6.0, 8.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let buffers = [Guarded::new(&numbers, true), Guarded::new(&numbers, true)];
    run(&machine, &buffers);
    let found: Vec<f64> =
        buffers[1].bytes().chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(found, [2.25, 3.25, 4.25, 5.25]);
}

#[test]
fn constants_beside_each_other_are_stored_together() {
    let mut body: Vec<Stmt> = (0..5).map(|k| Stmt::Let(Reg(k), Op::Const(f64::from(k)))).collect();
    body.extend((0..5).map(|k| Stmt::Store(address(0, i64::from(k)), Reg(k))));
    let machine = compile(&straight(Precision::F64, body), &[], &functions).unwrap();
    let buffers = [Guarded::new(&[0; 40], true)];
    run(&machine, &buffers);
    let found: Vec<f64> =
        buffers[0].bytes().chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(found, [0.0, 1.0, 2.0, 3.0, 4.0]);
    // One load and one store of a vector, one of a number; vzeroupper and ret; two vectors behind.
    assert!(machine.code().len() <= 96 + 32, "{} bytes", machine.code().len());
}

#[test]
fn addresses_may_be_farther_than_a_displacement() {
    let far = 1 << 30;
    let mut at = Affine::constant(far);
    at.step(Var(0), 1);
    let (from, to) = (Address { buffer: Buffer(0), at: at.clone() }, Address { buffer: Buffer(1), at });
    let body = vec![Stmt::Let(Reg(0), Op::Load(from)), Stmt::Store(to, Reg(0))];
    let body = vec![Stmt::Loop { var: Var(0), from: 0, to: 43, lanes: true, body }];
    let machine = compile(&straight(Precision::F64, body), &[], &functions).unwrap();
    let numbers: Vec<u8> = (0..43).flat_map(|k| f64::from(k).to_le_bytes()).collect();
    let buffers = [Guarded::new(&numbers, true), Guarded::new(&[0; 43 * 8], true)];
    let table: Vec<*mut u8> =
        buffers.iter().map(|buffer| buffer.start().wrapping_sub(8 * far as usize)).collect();
    // SAFETY: the elements that the program reaches are those of the buffers.
    unsafe { machine.run(&table) };
    assert_eq!(buffers[1].bytes(), numbers);
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    for seed in 0..50 {
        let program = case(Precision::F64, seed).program;
        let code = || compile(&program, &[], &functions).unwrap().code().to_vec();
        assert_eq!(code(), code());
    }
}

/// Reads `count` numbers and writes them in the opposite order, so that all are kept at once.
fn keeps(count: u32) -> Program {
    let load = |k| Stmt::Let(Reg(k), Op::Load(address(0, i64::from(k))));
    let store = |k| Stmt::Store(address(1, i64::from(k)), Reg(k));
    straight(Precision::F64, (0..count).map(load).chain((0..count).rev().map(store)).collect())
}

#[test]
fn a_frame_may_be_many_pages() {
    let machine = compile(&keeps(8000), &[], &functions).unwrap();
    let numbers: Vec<u8> = (0..8000).flat_map(|k| f64::from(k).to_le_bytes()).collect();
    let buffers = [Guarded::new(&numbers, true), Guarded::new(&[0; 64_000], true)];
    run(&machine, &buffers);
    assert_eq!(buffers[1].bytes(), numbers);
}

#[test]
fn a_program_that_keeps_too_much_is_left_to_the_interpreter() {
    // 14 of 9999 vectors in registers; the rest 32 bytes each, 72 for the frame itself, up to a multiple of 32.
    let refused = compile(&keeps(4 * 9999), &[], &functions).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no machine code for this program: it keeps 319616 bytes at once, the stack frame holds 262144"
    );
}

#[test]
fn what_is_missing_is_named() {
    let call = |reg| Op::Call(Function(7), [Reg(reg)].into_iter().collect());
    let body = vec![Stmt::Let(Reg(0), Op::Const(1.0)), Stmt::Let(Reg(1), call(0))];
    let refused = compile(&straight(Precision::F64, body), &[], &functions).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no machine code for this program: function 7 has no machine code for F64"
    );
    let refused =
        compile(&straight(Precision::F64, vec![Stmt::Let(Reg(1), call(0))]), &[], &functions).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no machine code for this program: it is not valid, statement 0: register 0 is read where it has no value: \
         declare it before, in scope"
    );
}
