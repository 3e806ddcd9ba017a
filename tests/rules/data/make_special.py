"""Writes special.txt: values of special functions and their first two derivatives, from mpmath at 60 digits.

    python make_special.py > special.txt

Columns: name, order, x (the bits of a float64, and the number), f(x), f'(x), f''(x), 40 digits each.
"""
import math

from mpmath import diff, digamma, erf, exp, loggamma, mp, mpf, nstr, pi, polygamma, sqrt

mp.dps = 60
root = math.sqrt(2.0)


def erf_row(x):
    slope = 2 / sqrt(pi) * exp(-x * x)
    return erf(x), slope, -2 * x * slope


def lgamma_row(x):
    return loggamma(x).real, digamma(x), polygamma(1, x)


def polygamma_row(n):
    return lambda x: tuple(polygamma(n + k, x) for k in range(3))


rows = [("erf", 0, x, erf_row) for x in (-1.0, 0.1, 1.7, -1.0 / root, 0.0, 2.0 / root)]
rows += [("lgamma", 0, x, lgamma_row) for x in (0.5, 2.5, 7.0)]
rows += [("polygamma", 0, x, polygamma_row(0)) for x in (0.5, 2.5, 7.0)]
rows += [("polygamma", n, x, polygamma_row(n)) for n, x in ((1, 0.5), (2, 2.5), (1, 7.0))]

for name, order, x, values in rows:
    point = mpf(x)
    f = values(point)
    # The closed forms against numeric differentiation at 60 digits.
    plain = {"erf": erf, "lgamma": lambda t: loggamma(t).real, "polygamma": lambda t: polygamma(order, t)}[name]
    for k in (1, 2):
        assert abs(diff(plain, point, k) - f[k]) <= mpf(10) ** -25 * (1 + abs(f[k])), (name, order, x, k)
    print(name, order, x.hex(), repr(x), *[nstr(v, 40) for v in f])
