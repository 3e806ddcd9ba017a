"""Derives every polynomial of crates/exec/src/vector and prints coefficients.rs (needs mpmath).

Each polynomial interpolates at Chebyshev points with 150 digits, so its error is within a small factor of the best
possible; the coefficients are then rounded to the precision of use, and the error is measured after rounding.

    python3 crates/exec/tools/coefficients.py > crates/exec/src/vector/coefficients.rs
"""
import struct
from mpmath import mp, mpf, cos, pi, exp, log, sin, atan, asin, erf, erfc, sqrt, cbrt, floor

mp.dps = 150


def single(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def interpolate(f, low, high, degree):
    """Monomial coefficients of the polynomial through the Chebyshev points of [low, high]."""
    n = degree + 1
    points = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    table = [f(p) for p in points]
    for level in range(1, n):
        for k in range(n - 1, level - 1, -1):
            table[k] = (table[k] - table[k - 1]) / (points[k] - points[k - level])
    coefficients = [table[-1]]
    for k in range(n - 2, -1, -1):
        shifted = [mpf(0)] + coefficients
        for i, c in enumerate(coefficients):
            shifted[i] -= points[k] * c
        shifted[0] += table[k]
        coefficients = shifted
    return coefficients


def safely(f):
    """f, with an argument of 0 moved by less than any error that matters."""
    return lambda z: f(z if abs(z) > mpf(10) ** -25 else mpf(10) ** -25)


def stretch(x, k):
    return k * (1 + x) / (1 - x)



def root_of(f):
    return lambda z: f(sqrt(z))


HALF_LN2 = mpf("0.34675")
QUARTER_PI = mpf("0.7874")
S2 = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.001")
TAN = (mpf("0.4143")) ** 2
PIVOT = mpf("2.5")

# name, what it approximates, function, low, high, degree for f64, degree for f32
POLYNOMIALS = [
    ("EXP", "(exp(r) - 1 - r)/r^2 for |r| <= ln(2)/2", safely(lambda r: (exp(r) - 1 - r) / r**2), -HALF_LN2, HALF_LN2, 10, 4),
    ("LOG", "(log((1+s)/(1-s)) - 2s)/s^3, in z = s^2", safely(root_of(lambda s: (log((1 + s) / (1 - s)) - 2 * s) / s**3)), mpf(0), S2, 7, 3),
    ("LOG_TAIL", "(log((1+s)/(1-s)) - 2s - 2s^3/3)/s^5, in z = s^2", safely(root_of(lambda s: (log((1 + s) / (1 - s)) - 2 * s - 2 * s**3 / 3) / s**5)), mpf(0), S2, 8, 3),
    ("SIN", "(sin(r) - r)/r^3, in z = r^2, |r| <= pi/4", safely(root_of(lambda r: (sin(r) - r) / r**3)), mpf(0), QUARTER_PI**2, 6, 3),
    ("COS", "(cos(r) - 1 + r^2/2)/r^4, in z = r^2, |r| <= pi/4", safely(root_of(lambda r: (cos(r) - 1 + r**2 / 2) / r**4)), mpf(0), QUARTER_PI**2, 6, 2),
    ("ATAN", "(atan(t) - t)/t^3, in z = t^2, |t| <= tan(pi/8)", safely(root_of(lambda t: (atan(t) - t) / t**3)), mpf(0), TAN, 11, 4),
    ("ASIN", "(asin(t) - t)/t^3, in z = t^2, |t| <= 1/2", safely(root_of(lambda t: (asin(t) - t) / t**3)), mpf(0), mpf("0.2501"), 12, 5),
    ("ERF", "erf(a)/a - 1, in z = a^2, a <= 1", safely(root_of(lambda a: erf(a) / a - 1)), mpf(0), mpf(1), 12, 6),
    ("ERFC", "exp(a^2) erfc(a), in w = (a - 5/2)/(a + 5/2), 1 <= a <= 6", lambda w: exp(stretch(w, PIVOT) ** 2) * erfc(stretch(w, PIVOT)), mpf("-0.4286"), mpf("0.4118"), 20, 9),
    ("CBRT", "m^(-1/3) for sqrt(1/2) <= m <= sqrt(2)", lambda m: 1 / cbrt(m), mpf("0.707"), mpf("1.4143"), 8, 4),
]


def worst(f, coefficients, low, high):
    """Largest error over the range, against the largest value there."""
    error, size = mpf(0), mpf(0)
    for k in range(401):
        x = low + (high - low) * k / 400
        value = mpf(0)
        for c in reversed(coefficients):
            value = value * x + c
        error, size = max(error, abs(value - f(x))), max(size, abs(f(x)))
    return log(error / size, 2)


def number(x, round_to):
    text = repr(round_to(x)) if round_to is float else str(short(x))
    return text if "." in text or "e" in text else text + ".0"


def short(x):
    """The shortest decimal that is this f32."""
    x = single(x)
    for digits in range(6, 12):
        text = f"{x:.{digits}g}"
        if single(float(text)) == x:
            return text
    raise AssertionError("nine digits always suffice")


def chop(x, bits):
    """x with its mantissa cut to this many bits."""
    scale = mpf(2) ** (bits - 1 - floor(log(abs(x), 2)))
    return floor(x * scale) / scale


def parts(x, round_to, count, first_bits=None):
    """x as an unevaluated sum, largest first."""
    found = []
    for k in range(count):
        part = mpf(round_to(chop(x, first_bits) if k == 0 and first_bits else x))
        found.append(part)
        x -= part
    return found


def main():
    print("//! Polynomials and split constants of both precisions; written by `crates/exec/tools/coefficients.py`.")
    print("//!")
    print("//! Coefficients stand from the constant upwards; the error in bits is the largest over the range, after rounding")
    print("//! of the coefficients, against the largest value there.")
    print()
    print("#![allow(clippy::excessive_precision, clippy::approx_constant, reason = \"written by a program\")]")
    print()
    print("use super::lanes::Constants;")
    for kind, round_to, column, ln_bits in (("f64", float, 5, 41), ("f32", single, 6, 15)):
        print(f"\nimpl Constants for {kind} {{")
        for row in POLYNOMIALS:
            name, about, f, low, high = row[:5]
            coefficients = [round_to(c) for c in interpolate(f, low, high, row[column])]
            bits = worst(f, [mpf(c) for c in coefficients], low, high)
            print(f"    /// {about}: 2^{float(bits):.1f}.")
            print(f"    const {name}: &'static [{kind}] = &[{', '.join(number(c, round_to) for c in coefficients)}];")
        for name, x, count, bits in (("LN2", log(mpf(2)), 2, ln_bits), ("HALF_PI", pi / 2, 3, None), ("TWO_THIRDS", mpf(2) / 3, 2, None),
                                     ("CBRT_2", cbrt(mpf(2)), 1, None), ("CBRT_HALF", 1 / cbrt(mpf(2)), 1, None)):
            split = parts(x, round_to, count, bits)
            print(f"    const {name}: [{kind}; {count}] = [{', '.join(number(c, round_to) for c in split)}];")
        print("}")


main()
