//! The faces give the same bits: arrays and AVX2, any place of a slice, addresses, reductions.
#![allow(unsafe_code, reason = "calls through addresses, as compiled code makes them")]

use super::{Random, edges, run};
use crate::vector::kernel::PORTABLE;
use crate::vector::{kernels, reduce};

/// Edges, then random bit patterns, then numbers of ordinary size.
fn doubles(seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut found = edges();
    found.extend((0..2000).map(|_| f64::from_bits(random.bits())));
    found.extend((0..3001).map(|_| (random.unit() - 0.5) * 20.0));
    let turn = (seed as usize * 37) % found.len();
    found.rotate_left(turn);
    found
}

fn singles(seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let mut found: Vec<f32> = doubles(seed).iter().map(|&x| x as f32).collect();
    found.extend((0..2000).map(|_| f32::from_bits(random.bits() as u32)));
    found
}

#[test]
fn arrays_and_registers_agree_to_the_bit() {
    let [a, b, c] = [1, 2, 3].map(doubles);
    let [d, e, f] = [1, 2, 3].map(singles);
    for (fast, slow) in kernels().iter().zip(PORTABLE) {
        let bits = |y: Vec<f64>| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(run(fast.f64, [&a, &b, &c])), bits(run(slow.f64, [&a, &b, &c])), "{}", fast.name);
        let bits = |y: Vec<f32>| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(run(fast.f32, [&d, &e, &f])), bits(run(slow.f32, [&d, &e, &f])), "{}", fast.name);
    }
}

#[test]
fn the_place_in_a_slice_does_not_matter() {
    let [a, b, c] = [4, 5, 6].map(doubles);
    for kernel in kernels() {
        let whole = run(kernel.f64, [&a, &b, &c]);
        for (from, count) in [(0, 1), (1, 2), (2, 3), (3, 5), (5, 7), (11, 9), (40, 13)] {
            let at = from..from + count;
            let part = run(kernel.f64, [&a[at.clone()], &b[at.clone()], &c[at.clone()]]);
            let same = part.iter().zip(&whole[at]).all(|(x, y)| x.to_bits() == y.to_bits());
            assert!(same, "{} at {from}, {count} long", kernel.name);
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn addresses_are_called_as_compiled_code_calls_them() {
    use crate::vector::{Loop, Operand, address, has_avx2};
    use std::arch::x86_64::*;
    assert_eq!(address("no such function", Operand::F64), None);

    #[target_feature(enable = "avx2,fma")]
    fn call4(at: usize, x: &[f64], y: &[f64]) -> [f64; 4] {
        // SAFETY: the address is that of a function of this type; four numbers are read and written.
        unsafe {
            let f: unsafe extern "sysv64" fn(__m256d, __m256d) -> __m256d = std::mem::transmute(at);
            let mut out = [0.0; 4];
            _mm256_storeu_pd(out.as_mut_ptr(), f(_mm256_loadu_pd(x.as_ptr()), _mm256_loadu_pd(y.as_ptr())));
            out
        }
    }
    #[target_feature(enable = "avx2,fma")]
    fn call8(at: usize, x: &[f32], y: &[f32]) -> [f32; 8] {
        // SAFETY: as above, with eight numbers.
        unsafe {
            let f: unsafe extern "sysv64" fn(__m256, __m256) -> __m256 = std::mem::transmute(at);
            let mut out = [0.0; 8];
            _mm256_storeu_ps(out.as_mut_ptr(), f(_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(y.as_ptr())));
            out
        }
    }

    let [a, b] = [7, 8].map(doubles);
    let [c, d] = [7, 8].map(singles);
    // A function of one argument ignores the second register. Those of three are the same code with one more.
    for kernel in kernels().iter().filter(|k| !matches!(k.f64, Loop::Three(_))) {
        let (wide, narrow) = (run(kernel.f64, [&a, &b, &b]), run(kernel.f32, [&c, &d, &d]));
        let [one64, one32] = [Operand::F64, Operand::F32].map(|o| address(kernel.name, o).unwrap());
        for k in (0..800).step_by(8) {
            // SAFETY: the addresses are those of functions of these types.
            let (x, y) = unsafe {
                let f: extern "sysv64" fn(f64, f64) -> f64 = std::mem::transmute(one64);
                let g: extern "sysv64" fn(f32, f32) -> f32 = std::mem::transmute(one32);
                (f(a[k], b[k]), g(c[k], d[k]))
            };
            assert_eq!(
                (x.to_bits(), y.to_bits()),
                (wide[k].to_bits(), narrow[k].to_bits()),
                "{}",
                kernel.name
            );
            if has_avx2() {
                let [four, eight] =
                    [Operand::F64x4, Operand::F32x8].map(|o| address(kernel.name, o).unwrap());
                // SAFETY: both features were just found.
                let (x, y) = unsafe { (call4(four, &a[k..], &b[k..]), call8(eight, &c[k..], &d[k..])) };
                assert_eq!(
                    x.map(f64::to_bits)[..],
                    wide[k..k + 4].iter().map(|y| y.to_bits()).collect::<Vec<_>>()
                );
                assert_eq!(
                    y.map(f32::to_bits)[..],
                    narrow[k..k + 8].iter().map(|y| y.to_bits()).collect::<Vec<_>>()
                );
            }
        }
    }
}

#[test]
fn reductions_agree_to_the_bit_and_are_right() {
    let mut random = Random(9);
    for n in [0, 1, 3, 4, 7, 8, 31, 32, 33, 64, 100, 1000, 1023] {
        let x: Vec<f64> = (0..n).map(|_| random.unit() - 0.5).collect();
        let y: Vec<f64> = (0..n).map(|_| random.unit() - 0.5).collect();
        let singles = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let (p, q) = (singles(&x), singles(&y));
        use reduce::{double, single};
        for f in [double::sum_with, double::dot_with, double::max_with, double::min_with] {
            assert_eq!(f(&x, &y, true).to_bits(), f(&x, &y, false).to_bits(), "{n}");
        }
        for f in [single::sum_with, single::dot_with, single::max_with, single::min_with] {
            assert_eq!(f(&p, &q, true).to_bits(), f(&p, &q, false).to_bits(), "{n}");
        }
        let sum: f64 = x.iter().sum();
        let dot: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        assert!((double::sum(&x) - sum).abs() < 1e-12 && (double::dot(&x, &y) - dot).abs() < 1e-12, "{n}");
        assert_eq!(double::max(&x), x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        assert_eq!(single::min(&p), p.iter().copied().fold(f32::INFINITY, f32::min));
        let mut spoilt = x.clone();
        if n > 2 {
            spoilt[n / 2] = f64::NAN;
            assert!(
                double::max(&spoilt).is_nan()
                    && double::min(&spoilt).is_nan()
                    && double::sum(&spoilt).is_nan()
            );
        }
    }
}

#[test]
fn the_pair_and_the_number_have_the_bits_of_the_loops() {
    let a = doubles(10);
    let by_name = |name: &str| kernels().iter().find(|k| k.name == name).unwrap().f64;
    let (sin, cos) = (run(by_name("sin"), [&a; 3]), run(by_name("cos"), [&a; 3]));
    let (mut s, mut c) = (vec![0.0; a.len()], vec![0.0; a.len()]);
    crate::vector::sincos_f64(&a, &mut s, &mut c);
    for k in 0..a.len() {
        assert_eq!((s[k].to_bits(), c[k].to_bits()), (sin[k].to_bits(), cos[k].to_bits()), "{}", a[k]);
    }
    assert_eq!(crate::vector::number_f64("sin", a[5]).map(f64::to_bits), Some(sin[5].to_bits()));
    assert_eq!(crate::vector::number_f64("pow", 1.0), None);
}
