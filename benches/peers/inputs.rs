//! Inputs and checksums that every system shares: splitmix64 in counter form, and a weighted sum of the results.

/// `count` numbers in [0, 1); entry `k` of a stream needs no entry before it.
pub(crate) fn u01(stream: u64, count: usize) -> Vec<f64> {
    let number = |k: u64| {
        let s = stream.wrapping_add(k.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let s = (s ^ (s >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let s = (s ^ (s >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((s ^ (s >> 31)) >> 11) as f64 * (0.5f64).powi(53)
    };
    (1..=count as u64).map(number).collect()
}

/// `count` numbers in [low, high).
pub(crate) fn uniform(stream: u64, count: usize, low: f64, high: f64) -> Vec<f64> {
    u01(stream, count).into_iter().map(|u| low + (high - low) * u).collect()
}

/// `count` numbers in [-1, 1).
pub(crate) fn uni(stream: u64, count: usize) -> Vec<f64> {
    uniform(stream, count, -1.0, 1.0)
}

/// `count` labels in `0 .. below`.
pub(crate) fn labels(stream: u64, count: usize, below: usize) -> Vec<i64> {
    u01(stream, count).into_iter().map(|u| (u * below as f64).floor() as i64).collect()
}

/// `Σ_i r[i] ((i mod 13) + 1) / 13` over the concatenation `r` of the results.
pub(crate) fn checksum(results: impl IntoIterator<Item = f64>) -> f64 {
    results.into_iter().enumerate().map(|(i, r)| r * ((i % 13 + 1) as f64 / 13.0)).sum()
}
