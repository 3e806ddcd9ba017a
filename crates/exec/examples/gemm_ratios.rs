//! Matrix products beside the `gemm` crate and, for the shapes where OpenBLAS was timed, ready to be set beside it.
//!
//! `cargo run --release -p chainrule-exec --example gemm_ratios`. Each line is the best of many runs on one thread:
//! microseconds, multiplications and additions per nanosecond, and how many times longer the `gemm` crate takes.

#![allow(unsafe_code)]

use chainrule_exec::gemm::{Line, Operands, Product, Real, Workspace};
use std::time::Instant;

/// Numbers between -1 and 1 that repeat from run to run.
fn numbers(seed: u64, len: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Best microseconds of one call, over about a third of a second in short bursts.
fn best(mut call: impl FnMut()) -> f64 {
    call();
    let start = Instant::now();
    call();
    let burst = (200.0 / (start.elapsed().as_secs_f64() * 1e6).max(0.02)).clamp(1.0, 10_000.0) as usize;
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        (0..burst).for_each(|_| call());
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / burst as f64);
    }
    best
}

fn plainly<T: Real + Default>(p: &Product<T>, a: &[T], b: &[T], c: &mut [T]) {
    // SAFETY: the views lie in the buffers: the same product has just run on them, checked.
    unsafe {
        gemm::gemm(
            p.m,
            p.n,
            p.k,
            c.as_mut_ptr(),
            p.c.col_stride,
            p.c.row_stride,
            false,
            a.as_ptr(),
            p.a.col_stride,
            p.a.row_stride,
            b.as_ptr(),
            p.b.col_stride,
            p.b.row_stride,
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Masks and scale of a product, and the share of its flops that remains.
struct Extra<'a, T> {
    k: &'a [T],
    cols: &'a [T],
    scale: &'a [T],
    share: f64,
}

fn measure<T: Real + Default>(
    name: &str,
    p: &Product<T>,
    from: impl Fn(f64) -> T,
    threads: usize,
    extra: Option<Extra<'_, T>>,
) {
    let fill = |seed, len| numbers(seed, len).into_iter().map(&from).collect::<Vec<T>>();
    let (a, b) = (fill(1, p.m * p.k), fill(2, p.k * p.n));
    let (mut c, mut theirs) = (vec![T::ZERO; p.m * p.n], vec![T::ZERO; p.m * p.n]);
    let b = if p.symmetric { a.clone() } else { b };
    let none: &[T] = &[];
    let (active_k, active_cols, k_scale, share) =
        extra.as_ref().map_or((none, none, none, 1.0), |x| (x.k, x.cols, x.scale, x.share));
    let mut workspace = Workspace::new();
    let ours = best(|| {
        let on =
            &mut Operands { a: &a, b: &b, c: &mut c, active_k, active_cols, k_scale, ..Operands::default() };
        p.run(on, &mut workspace, threads).expect("the views fit");
    });
    let plain = best(|| plainly(p, &a, &b, &mut theirs));
    let rate = p.flops() as f64 * share / ours / 1000.0;
    println!(
        "{name:<34} {ours:>10.2} us {rate:>8.1} GFLOP/s   gemm crate {plain:>10.2} us  x{:.2}",
        plain / ours
    );
}

fn main() {
    let wide = |x: f64| x;
    let narrow = |x: f64| x as f32;
    for threads in [1, 2] {
        println!("{threads} thread(s)");
        measure("f32 128x784x512", &Product::<f32>::new(128, 784, 512), narrow, threads, None);
        measure("f32 256x1024x1024", &Product::<f32>::new(256, 1024, 1024), narrow, threads, None);
        measure("f64 256^3", &Product::<f64>::new(256, 256, 256), wide, threads, None);
        measure("f64 64^3", &Product::<f64>::new(64, 64, 64), wide, threads, None);
        measure("f64 10x512x512", &Product::<f64>::new(10, 512, 512), wide, threads, None);
        measure("f64 gemv 512", &Product::<f64>::new(512, 512, 1), wide, threads, None);
        measure("f64 gemv 512 from the left", &Product::<f64>::new(1, 512, 512), wide, threads, None);
        let mut syrk = Product::<f64>::new(500, 1000, 500);
        (syrk.a.row_stride, syrk.a.col_stride) = (1, 500);
        syrk.b = syrk.a.transposed();
        syrk.symmetric = true;
        measure("f64 syrk 500 (k 1000)", &syrk, wide, threads, None);
        let scale = numbers(3, 1000);
        syrk.prologue.scale = Some(Line::unit());
        measure(
            "f64 syrk 500 with a diagonal",
            &syrk,
            wide,
            threads,
            Some(Extra { k: &[], cols: &[], scale: &scale, share: 1.0 }),
        );
        let mut masked = Product::<f64>::new(256, 256, 256);
        (masked.prologue.active_k, masked.prologue.active_cols) = (Some(Line::unit()), Some(Line::unit()));
        let half: Vec<f64> = numbers(4, 256).iter().map(|&x| if x > 0.0 { 1.0 } else { 0.0 }).collect();
        let on = half.iter().sum::<f64>() / 256.0;
        let extra = Extra { k: &half, cols: &half, scale: &[], share: on * on };
        measure("f64 256^3, half of k and of n", &masked, wide, threads, Some(extra));
        if threads > 1 {
            continue;
        }
        for n in [1, 2, 4, 8, 16, 32] {
            measure(&format!("f64 {n}^3"), &Product::<f64>::new(n, n, n), wide, 1, None);
        }
        measure("f64 dot 512", &Product::<f64>::new(1, 512, 1), wide, 1, None);
        measure("f64 outer 512", &Product::<f64>::new(512, 1, 512), wide, 1, None);
        let mut transposed = Product::<f32>::new(128, 784, 512);
        (transposed.b.row_stride, transposed.b.col_stride) = (1, 784);
        measure("f32 128x784x512, B transposed", &transposed, narrow, 1, None);
        let mut transposed = Product::<f32>::new(512, 128, 784);
        (transposed.a.row_stride, transposed.a.col_stride) = (1, 512);
        measure("f32 512x128x784, A transposed", &transposed, narrow, 1, None);
        let mut few = Product::<f64>::new(10, 512, 512);
        (few.b.row_stride, few.b.col_stride) = (1, 512);
        measure("f64 10x512x512, B transposed", &few, wide, 1, None);
    }
    let start = Instant::now();
    (0..10_000).for_each(|_| _ = std::hint::black_box(rayon::join(|| (), || ())));
    println!("fork and join {:.2} us", start.elapsed().as_secs_f64() * 100.0);
}
