"""The thirty derivations, their data, and an answer to each that no system under comparison had a part in.

A case states a function in NumPy over arrays of 60-digit numbers. Its derivative is a central difference with a step
of 10^-20, so the answer is right to some 35 digits and owes nothing to any rule of differentiation. At a kink the
one-sided differences are taken instead: an answer is right there when it is a subgradient.
"""

from itertools import permutations, product

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
exp, log, sqrt = (np.frompyfunc(g, 1, 1) for g in (mp.exp, mp.log, mp.sqrt))
positive_part = np.frompyfunc(lambda v: max(v, mpf(0)), 1, 1)

SIZES = [dict(n=3, m=2, k=4, d=2, h=5), dict(n=4, m=3, k=2, d=5, h=3)]


def determinant(a):
    if len(a) == 1:
        return a[0, 0]
    minors = (np.delete(a[1:], j, axis=1) for j in range(len(a)))
    return sum((-1) ** j * a[0, j] * determinant(minor) for j, minor in enumerate(minors))


def inverse(a):
    return np.array((mp.matrix(a.tolist()) ** -1).tolist(), dtype=object).reshape(a.shape)


def log_sum_exp(z):
    return mp.log(exp(z).sum())


def softmax_rows(a):
    e = exp(a)
    return e / e.sum(axis=1)[:, None]


def huber(r, delta):
    return sum(v * v / 2 if abs(v) <= delta else delta * (abs(v) - delta / 2) for v in r)


class Case:
    """A function of named arrays, what it is differentiated by, and how often.

    `arrays` gives each name its sizes; a name of `labels` holds positions instead of numbers. `parts` are pairs of a
    function and the name it is differentiated by. `points` replaces the generated data where the point is the question.
    """

    def __init__(self, title, formula, arrays, parts, order=1, labels=(), kind="plain", points=None):
        self.title, self.formula, self.arrays, self.parts = title, formula, arrays, parts
        self.order, self.labels, self.kind, self.points = order, labels, kind, points

    def data(self):
        """Two points of different sizes, or the points that the case names, as (sizes, name -> array of float64)."""
        if self.points:
            for point in self.points:
                arrays = {name: np.array(value, dtype=float) for name, value in point.items()}
                extents = {d: e for name in arrays for d, e in zip(self.arrays[name], arrays[name].shape)}
                yield extents, arrays
            return
        for sizes in SIZES:
            yield sizes, {name: self.generated(name, position, sizes) for position, name in enumerate(self.arrays)}

    def generated(self, name, position, sizes):
        """Binary fractions, so that every system reads the same numbers; well away from kinks and singularities."""
        dims = self.arrays[name]
        shape = tuple(sizes[d] for d in dims)
        if name in self.labels:
            return np.fromiter((((5 * i + 1) % sizes[self.labels[name]]) for i in range(int(np.prod(shape)))), int).reshape(shape)
        count = int(np.prod(shape))
        drawn, state = [], 9 * position + 4
        for _ in range(count):
            state = (21 * state + 13) % 64  # a congruential generator of full period: no entry comes twice
            drawn.append((state - 31.5) / 16)
        raw = np.array(drawn).reshape(shape)
        if name in ("p", "q", "delta", "lam", "s"):
            raw = np.abs(raw) / 2 + 0.25
        if len(shape) == 2 and dims[0] == dims[1]:
            raw = raw / 4 + 3 * np.eye(shape[0])
        if name == "sign":
            raw = np.where(raw > 0, 1.0, -1.0)
        return raw

    def answer(self, data):
        """The derivative of each part at `data`, as float64 arrays: axes of the value first, then of the variable."""
        exact = {k: v if k in self.labels else np.vectorize(mpf, otypes=[object])(v) for k, v in data.items()}
        return [differences(f, exact, wrt, self.order) for f, wrt in self.parts]

    def accepts(self, data, answers, tolerance):
        """Whether `answers` are this derivative at `data`; at a kink, whether they are subgradients."""
        if self.kind == "kink":
            exact = {k: np.vectorize(mpf, otypes=[object])(v) for k, v in data.items()}
            return all(is_subgradient(f, exact, wrt, answer) for (f, wrt), answer in zip(self.parts, answers))
        expected = self.answer(data)
        return len(answers) == len(expected) and None not in map(layout_of, answers, expected, self.value_ranks(), [tolerance] * len(expected))

    def value_ranks(self):
        """How many axes the value of each part has."""
        _, data = next(iter(self.data()))
        return [np.ndim(f({k: v if k in self.labels else np.vectorize(mpf, otypes=[object])(v) for k, v in data.items()}))
                for f, _ in self.parts]


def differences(f, data, wrt, order, step=mpf(10) ** -20):
    """The central difference of `f` in every entry of `wrt`, `order` times."""
    def derivative(at, depth):
        if depth == 0:
            return np.asarray(f(at), dtype=object)
        slots = []
        for entry in product(*map(range, data[wrt].shape)):
            up, down = at[wrt].copy(), at[wrt].copy()
            up[entry] += step
            down[entry] -= step
            slots.append((derivative({**at, wrt: up}, depth - 1) - derivative({**at, wrt: down}, depth - 1)) / (2 * step))
        return np.moveaxis(np.array(slots, dtype=object), 0, -1) if slots else np.empty(0)

    flat = derivative(data, order)
    value_shape = flat.shape[: flat.ndim - order]
    return flat.astype(float).reshape(value_shape + data[wrt].shape * order)


def is_subgradient(f, data, wrt, answer, step=mpf(10) ** -20):
    """A convex `f` has `answer` as a subgradient when no direction falls below what it predicts."""
    answer = np.asarray(answer, dtype=float)
    if not np.all(np.isfinite(answer)) or answer.size != data[wrt].size:
        return False
    for direction in product((-1, 0, 1), repeat=max(1, data[wrt].size)):
        direction = np.array(direction, dtype=object).reshape(data[wrt].shape)
        moved = np.asarray(data[wrt] + step * direction, dtype=object)
        rise = (f({**data, wrt: moved}) - f(data)) / step
        if float(np.sum(answer.reshape(data[wrt].shape) * direction)) > float(rise) + 1e-9:
            return False
    return True


def layout_of(answer, expected, value_rank, tolerance):
    """The order of axes in which `answer` equals `expected` within `tolerance`, or None.

    The order of a Jacobian's axes is a convention, so any is accepted and told. A gradient has the shape of its
    variable: there a transpose is a mistake. Axes of length one carry nothing.
    """
    answer, expected = np.squeeze(np.asarray(answer, dtype=float)), np.squeeze(expected)
    orders = permutations(range(answer.ndim)) if value_rank else [tuple(range(answer.ndim))]
    for order in orders:
        turned = np.transpose(answer, order)
        if turned.shape == expected.shape and np.allclose(turned, expected, rtol=tolerance, atol=tolerance * np.max(np.abs(expected), initial=0)):
            return order
    return None


def network(d):
    p = d["V1"] @ d["x"] + d["b1"]
    z = d["V2"] @ positive_part(p) + d["b2"]
    return ((z - d["t"]) ** 2).sum() / 2


def layer_norm(d):
    x = d["x"]
    centred = x - x.sum() / len(x)
    return centred / mp.sqrt((centred ** 2).sum() / len(x) + mpf(1) / 100000)


def gaussian(d):
    r = d["x"] - d["mu"]
    return mp.log(determinant(d["P"])) / 2 - r @ d["P"] @ r / 2


def softmax_regression(d):
    scores = d["X"] @ d["W"].T
    return sum(log_sum_exp(row) - row[label] for row, label in zip(scores, d["y"]))


def smooth_step(d):
    return mp.exp(-1 / d["x"].item()) if d["x"].item() > 0 else mpf(0)


def scalar(f):
    return lambda d: f(*(v.item() for v in d.values()))


NETWORK = dict(V1=("h", "d"), b1=("h",), V2=("k", "h"), b2=("k",), x=("d",), t=("k",))
AFFINE = dict(V=("m", "n"), x=("n",), b=("m",))


def affine(d):
    return d["V"] @ d["x"] + d["b"]


CASES = {
    "quadratic": Case("quadratic loss", "d/dz 1/2 sum_i (z_i - t_i)^2", dict(z=("n",), t=("n",)),
                      [(lambda d: ((d["z"] - d["t"]) ** 2).sum() / 2, "z")]),
    "label": Case("log-sum-exp minus the label's score", "d/dz log sum_j exp z_j - z_y", dict(z=("n",), y=()),
                  [(lambda d: log_sum_exp(d["z"]) - d["z"][d["y"]], "z")], labels=dict(y="n")),
    "relu": Case("ReLU, its Jacobian", "d relu(x)_i / dx_j", dict(x=("n",)), [(lambda d: positive_part(d["x"]), "x")]),
    "affine_xb": Case("affine layer by x and by b", "dy/dx, dy/db of y = V x + b", AFFINE, [(affine, "x"), (affine, "b")]),
    "affine_V": Case("affine layer by V, of rank 3", "dy_i/dV_jk of y = V x + b", AFFINE, [(affine, "V")]),
    "net_V1": Case("two-layer network by V1", "d/dV1 1/2 |V2 relu(V1 x + b1) + b2 - t|^2", NETWORK, [(network, "V1")]),
    "net_V2": Case("two-layer network by V2", "d/dV2 1/2 |V2 relu(V1 x + b1) + b2 - t|^2", NETWORK, [(network, "V2")]),
    "least_squares": Case("least squares", "d/dw 1/2 |X w - t|^2", dict(X=("m", "n"), w=("n",), t=("m",)),
                          [(lambda d: ((d["X"] @ d["w"] - d["t"]) ** 2).sum() / 2, "w")]),
    "ridge": Case("ridge regression", "d/dw 1/2 |X w - t|^2 + lam/2 |w|^2", dict(X=("m", "n"), w=("n",), t=("m",), lam=()),
                  [(lambda d: ((d["X"] @ d["w"] - d["t"]) ** 2).sum() / 2 + d["lam"].item() / 2 * (d["w"] ** 2).sum(), "w")]),
    "logistic": Case("logistic regression", "d/dw sum_i log(1 + exp(-sign_i x_i w))",
                     dict(X=("m", "n"), w=("n",), sign=("m",)),
                     [(lambda d: log(1 + exp(-d["sign"] * (d["X"] @ d["w"]))).sum(), "w")]),
    "softmax_regression": Case("softmax regression", "d/dW sum_s logsumexp(W x_s) - (W x_s)_{y_s}",
                               dict(X=("m", "n"), W=("k", "n"), y=("m",)), [(softmax_regression, "W")], labels=dict(y="k")),
    "hinge": Case("support vector machine, hinge loss", "d/dw sum_i max(0, 1 - sign_i x_i w)",
                  dict(X=("m", "n"), w=("n",), sign=("m",)),
                  [(lambda d: positive_part(1 - d["sign"] * (d["X"] @ d["w"])).sum(), "w")]),
    "gaussian_mean": Case("Gaussian log-likelihood by the mean", "d/dmu 1/2 log det P - 1/2 (x-mu)' P (x-mu)",
                          dict(x=("n",), mu=("n",), P=("n", "n")), [(gaussian, "mu")]),
    "gaussian_precision": Case("Gaussian log-likelihood by the precision", "d/dP 1/2 log det P - 1/2 (x-mu)' P (x-mu)",
                               dict(x=("n",), mu=("n",), P=("n", "n")), [(gaussian, "P")]),
    "huber": Case("Huber loss", "d/dr sum_i (r_i^2/2 if |r_i| <= delta else delta (|r_i| - delta/2))",
                  dict(r=("n",), delta=()), [(lambda d: huber(d["r"], d["delta"].item()), "r")]),
    "kl": Case("Kullback-Leibler divergence", "d/dp sum_i p_i log(p_i/q_i)", dict(p=("n",), q=("n",)),
               [(lambda d: (d["p"] * log(d["p"] / d["q"])).sum(), "p")]),
    "factorisation": Case("matrix factorisation", "d/dU 1/2 |U W' - M|^2", dict(U=("m", "d"), W=("n", "d"), M=("m", "n")),
                          [(lambda d: ((d["U"] @ d["W"].T - d["M"]) ** 2).sum() / 2, "U")]),
    "layer_norm": Case("layer norm, its Jacobian", "d/dx_j (x_i - mean(x)) / sqrt(var(x) + 1e-5)", dict(x=("n",)),
                       [(layer_norm, "x")]),
    "attention": Case("attention by the queries", "d/dQ sum G .* (softmax(s Q K') W), softmax over keys",
                      dict(Q=("n", "d"), K=("m", "d"), W=("m", "k"), G=("n", "k"), s=()),
                      [(lambda d: (d["G"] * (softmax_rows(d["s"].item() * (d["Q"] @ d["K"].T)) @ d["W"])).sum(), "Q")]),
    "trace": Case("trace of a product", "d tr(A X B) / dX", dict(A=("m", "n"), X=("n", "k"), B=("k", "m")),
                  [(lambda d: np.trace(d["A"] @ d["X"] @ d["B"]), "X")]),
    "logdet": Case("log-determinant", "d log det X / dX", dict(X=("n", "n")),
                   [(lambda d: mp.log(determinant(d["X"])), "X")]),
    "trace_inverse": Case("trace of an inverse", "d tr(X^-1 A) / dX", dict(X=("n", "n"), A=("n", "n")),
                          [(lambda d: np.trace(inverse(d["X"]) @ d["A"]), "X")]),
    "quadratic_form": Case("quadratic form", "d x'Ax / dx", dict(x=("n",), A=("n", "n")),
                           [(lambda d: d["x"] @ d["A"] @ d["x"], "x")]),
    "hessian_lse": Case("Hessian of log-sum-exp", "d2/dz_i dz_j log sum_k exp z_k", dict(z=("n",)),
                        [(lambda d: log_sum_exp(d["z"]), "z")], order=2),
    "hessian_quadratic": Case("Hessian of a quadratic form", "d2 x'Ax / dx_i dx_j", dict(x=("n",), A=("n", "n")),
                              [(lambda d: d["x"] @ d["A"] @ d["x"], "x")], order=2),
    "kinks": Case("kinks: relu and abs at 0, a tie of max", "relu'(x) and |x|' at 0, d max(x, w)/dx at x = w", dict(x=(), w=()),
                  [(scalar(lambda x, w: max(x, mpf(0))), "x"), (scalar(lambda x, w: abs(x)), "x"),
                   (scalar(lambda x, w: max(x, w)), "x")], kind="kink", points=[dict(x=0, w=0)]),
    "overflow": Case("log-sum-exp where exp overflows", "d/dz log sum_j exp z_j at (1000, 0) and (-1000, -1001, -1003)",
                     dict(z=("n",)), [(lambda d: log_sum_exp(d["z"]), "z")],
                     points=[dict(z=[1000, 0]), dict(z=[-1000, -1001, -1003])]),
    "trap": Case("0 times infinity behind a condition", "d/dx (exp(-1/x) if x > 0 else 0) at 0, -1, 1/2: smooth everywhere",
                 dict(x=()), [(smooth_step, "x")], points=[dict(x=0), dict(x=-1), dict(x=0.5)]),
    "capture": Case("one letter, bound and free", "d/dz_i of sum_i (z_i - t_i)^2 / 2, typed with that one letter",
                    dict(z=("n",), t=("n",)), [(lambda d: ((d["z"] - d["t"]) ** 2).sum() / 2, "z")], kind="capture"),
    "judge": Case("judging the homework's wrong formula",
                  "is dl/dz_i = exp(z_i)/sum_j exp(z_j) - [i=y], and is it exp(z_i)/log(sum_j exp(z_j)) - [i=y] ?",
                  dict(z=("n",), y=()), [], labels=dict(y="n"), kind="judge"),
}
