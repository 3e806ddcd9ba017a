"""SymPy: each of its idioms where it applies, and the best answer counts.

`indexed` is IndexedBase with Sum, `matrix` is MatrixSymbol with matrix and array derivatives: both are for all sizes.
`explicit` has a symbol for every entry, at a fixed size. Values are exact rationals until the last step, so that SymPy is
never charged with an overflow of floating point.
"""

from itertools import product

import numpy as np
import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

NAME = "SymPy"
KIND = "formula"
PREAMBLE = ("from sympy import *; n, m, k, ... = symbols(..., integer=True, positive=True); i1, ..., i8 = symbols(...,"
            " integer=True, nonnegative=True); indexed: z = IndexedBase('z',"
            " shape=(n,)); matrix: z = MatrixSymbol('z', n, 1), V = MatrixSymbol('V', m, n); explicit: Matrix of symbols")

SIZES = {d: sympy.Symbol(d, integer=True, positive=True) for d in "nmkdh"}
LETTERS = {f"i{c}": sympy.Symbol(f"i{c}", integer=True, nonnegative=True) for c in "12345678"}
RELU = "relu = lambda u: Max(u, 0)\n"
NET = RELU + ("p = lambda r: Sum(V1[r,i5]*x[i5], (i5,0,d-1)) + b1[r]\n"
              "z = lambda r: Sum(V2[r,i6]*relu(p(i6)), (i6,0,h-1)) + b2[r]\n"
              "f = Sum((z(i7) - t[i7])**2, (i7,0,k-1))/2\n")
NET_MATRIX = RELU + "u = Symbol('u')\nz = V2*(V1*x + b1).applyfunc(Lambda(u, relu(u))) + b2\nf = Trace((z - t).T*(z - t))/2\n"
NET_EXPLICIT = RELU + "z = V2*(V1*x + b1).applyfunc(relu) + b2\nf = ((z - t).T*(z - t))[0]/2\n"
XW = "xw = lambda r: Sum(X[r,i5]*w[i5], (i5,0,n-1))\n"
LSE = "f = log(Sum(exp(z[i5]), (i5,0,n-1)))\n"
ATTEMPTS = {
    "quadratic": [("indexed i1", "diff(Sum((z[i5] - t[i5])**2, (i5,0,n-1))/2, z[i1]).doit()"),
                  ("matrix", "diff((z - t).T*(z - t)/2, z)"), ("matrix", "diff(Trace((z - t).T*(z - t))/2, z)")],
    "label": [("indexed i1", "diff(log(Sum(exp(z[i5]), (i5,0,n-1))) - z[y], z[i1]).doit()")],
    "relu": [("indexed i1,i2", "diff(Max(x[i1], 0), x[i2])"),
             ("matrix", "u = Symbol('u')\ndiff(x.applyfunc(Lambda(u, Max(u, 0))), x)")],
    "affine_xb": [("indexed i1,i2", "y = Sum(V[i1,i5]*x[i5], (i5,0,n-1)) + b[i1]\ndiff(y, x[i2]).doit(), diff(y, b[i2])"),
                  ("matrix", "diff(V*x + b, x), diff(V*x + b, b)")],
    "affine_V": [("indexed i1,i2,i3", "diff(Sum(V[i1,i5]*x[i5], (i5,0,n-1)) + b[i1], V[i2,i3]).doit()"),
                 ("matrix", "diff(V*x + b, V)")],
    "net_V1": [("indexed i1,i2", NET + "diff(f, V1[i1,i2])"), ("matrix", NET_MATRIX + "diff(f, V1)"),
               ("explicit", NET_EXPLICIT + "diff(f, V1)")],
    "net_V2": [("indexed i1,i2", NET + "diff(f, V2[i1,i2])"), ("matrix", NET_MATRIX + "diff(f, V2)"),
               ("explicit", NET_EXPLICIT + "diff(f, V2)")],
    "least_squares": [("indexed i1", XW + "diff(Sum((xw(i6) - t[i6])**2, (i6,0,m-1))/2, w[i1])"),
                      ("matrix", "diff(Trace((X*w - t).T*(X*w - t))/2, w)"), ("matrix", "diff((X*w - t).T*(X*w - t)/2, w)")],
    "ridge": [("indexed i1", XW + "diff(Sum((xw(i6) - t[i6])**2, (i6,0,m-1))/2 + lam/2*Sum(w[i6]**2, (i6,0,n-1)), w[i1])"),
              ("matrix", "diff((X*w - t).T*(X*w - t)/2 + lam/2*w.T*w, w)")],
    "logistic": [("indexed i1", XW + "diff(Sum(log(1 + exp(-sign[i6]*xw(i6))), (i6,0,m-1)), w[i1])"),
                 ("matrix", "u = Symbol('u')\nr = HadamardProduct(sign, X*w).applyfunc(Lambda(u, log(1 + exp(-u))))\n"
                            "diff(OneMatrix(1, m)*r, w)")],
    "softmax_regression": [("indexed i1,i2", "score = lambda s, c: Sum(W[c,i5]*X[s,i5], (i5,0,n-1))\n"
                            "f = Sum(log(Sum(exp(score(i7, i6)), (i6,0,k-1))) - score(i7, y[i7]), (i7,0,m-1))\ndiff(f, W[i1,i2])")],
    "hinge": [("indexed i1", XW + "diff(Sum(Max(0, 1 - sign[i6]*xw(i6)), (i6,0,m-1)), w[i1])")],
    "gaussian_mean": [("matrix", "diff(log(Determinant(P))/2 - ((x - mu).T*P*(x - mu))[0,0]/2, mu)"),
                      ("matrix", "diff(-(x - mu).T*P*(x - mu)/2, mu)"),
                      ("indexed i1", "r = lambda a: x[a] - mu[a]\n"
                       "diff(-Sum(r(i5)*P[i5,i6]*r(i6), (i5,0,n-1), (i6,0,n-1))/2, mu[i1])")],
    "gaussian_precision": [("matrix", "diff(log(Determinant(P))/2 - Trace((x - mu).T*P*(x - mu))/2, P)"),
                           ("matrix", "diff(log(Determinant(P)), P)/2 - diff(Trace((x - mu).T*P*(x - mu)), P)/2"),
                           ("explicit", "diff(log(P.det())/2 - ((x - mu).T*P*(x - mu))[0]/2, P)")],
    "huber": [("indexed i1", "h = lambda u: Piecewise((u**2/2, Abs(u) <= delta), (delta*(Abs(u) - delta/2), True))\n"
               "diff(Sum(h(r[i5]), (i5,0,n-1)), r[i1])"),
              ("explicit", "h = lambda u: Piecewise((u**2/2, Abs(u) <= delta), (delta*(Abs(u) - delta/2), True))\n"
               "diff(sum(h(u) for u in r), r)")],
    "kl": [("indexed i1", "diff(Sum(p[i5]*log(p[i5]/q[i5]), (i5,0,n-1)), p[i1]).doit()")],
    "factorisation": [("matrix", "diff(Trace((U*W.T - M).T*(U*W.T - M))/2, U)"),
                      ("indexed i1,i2", "e = lambda r, c: Sum(U[r,i5]*W[c,i5], (i5,0,d-1)) - M[r,c]\n"
                       "diff(Sum(e(i6,i7)**2, (i6,0,m-1), (i7,0,n-1))/2, U[i1,i2])")],
    "layer_norm": [("indexed i1,i2", "mean = Sum(x[i5], (i5,0,n-1))/n\nvar = Sum((x[i6] - mean)**2, (i6,0,n-1))/n\n"
                    "diff((x[i1] - mean)/sqrt(var + Rational(1, 100000)), x[i2])")],
    "attention": [("indexed i1,i2", "e = lambda a, c: exp(s*Sum(Q[a,i5]*K[c,i5], (i5,0,d-1)))\n"
                   "o = lambda a, c: Sum(e(a,i6)*W[i6,c], (i6,0,m-1))/Sum(e(a,i6), (i6,0,m-1))\n"
                   "diff(Sum(G[i7,i8]*o(i7,i8), (i7,0,n-1), (i8,0,k-1)), Q[i1,i2])")],
    "trace": [("matrix", "diff(Trace(A*X*B), X)")],
    "logdet": [("matrix", "diff(log(Determinant(X)), X)"), ("explicit", "diff(log(X.det()), X)")],
    "trace_inverse": [("matrix", "diff(Trace(X.inv()*A), X)")],
    "quadratic_form": [("matrix", "diff(x.T*A*x, x)")],
    "hessian_lse": [("indexed i1,i2", LSE + "diff(f, z[i1], z[i2]).doit()")],
    "hessian_quadratic": [("matrix", "diff(x.T*A*x, x, x)"), ("matrix", "diff(diff(x.T*A*x, x), x)"),
                          ("indexed i1,i2", "diff(Sum(x[i5]*A[i5,i6]*x[i6], (i5,0,n-1), (i6,0,n-1)), x[i1], x[i2])")],
    "kinks": [("scalar", "diff(Max(x, 0), x), diff(Abs(x), x), diff(Max(x, w), x)")],
    "overflow": [("indexed i1", LSE + "diff(f, z[i1]).doit()")],
    "trap": [("scalar", "diff(Piecewise((exp(-1/x), x > 0), (0, True)), x)")],
    "capture": [("indexed i1", "diff(Sum((z[i1] - t[i1])**2, (i1,0,n-1))/2, z[i1])"),
                ("indexed i1", "diff(Sum((z[i1] - t[i1])**2, (i1,0,n-1))/2, z[i1]).doit()")],
    "judge": [("indexed i1", "f = log(Sum(exp(z[i5]), (i5,0,n-1))) - z[y]\ns = Sum(exp(z[i5]), (i5,0,n-1))\n"
               "g = diff(f, z[i1]).doit()\nhot = KroneckerDelta(i1, y)\n"
               "[(g - (exp(z[i1])/c - hot)).equals(0) for c in (s, log(s))]"),
              ("indexed i1", "f = log(Sum(exp(z[i5]), (i5,0,n-1))) - z[y]\ns = Sum(exp(z[i5]), (i5,0,n-1))\n"
               "g = diff(f, z[i1]).doit()\nhot = KroneckerDelta(i1, y)\n"
               "inside = lambda e: e.subs(i1 <= n - 1, True)\n"
               "[simplify(inside(g - (exp(z[i1])/c - hot))) == 0 for c in (s, log(s))]"),
              ("explicit", "s = sum(exp(u) for u in z)\nf = log(s) - z[y]\n"
               "[all(simplify(diff(f, z[i]) - exp(z[i])/c + KroneckerDelta(i, y)) == 0 for i in range(len(z))) for c in (s, log(s))]")],
}


def version():
    return f"SymPy {sympy.__version__}"


def spoken(case, code, label):
    return code


class Unevaluated(Exception):
    """The answer still holds a derivative: SymPy gave the question back."""

    verdict = "refused"


def named(case, idiom, data):
    """What each name of the case is in this idiom."""
    made = {}
    for name, dims in case.arrays.items():
        shape = tuple(SIZES[d] for d in dims)
        label = name in case.labels
        if not dims:
            made[name] = (int(data[name]) if label and idiom == "explicit" else
                          sympy.Symbol(name, integer=True, nonnegative=True) if label else sympy.Symbol(name, real=True))
        elif idiom == "explicit":
            width = data[name].shape + (1,) * (2 - data[name].ndim)
            made[name] = sympy.Matrix(*width, lambda a, c, name=name: sympy.Symbol(f"{name}_{a}_{c}", real=True))
        elif idiom == "matrix":
            made[name] = sympy.MatrixSymbol(name, *(shape + (1,) * (2 - len(shape))))
        else:
            made[name] = sympy.IndexedBase(name, shape=shape, **(dict(integer=True) if label else dict(real=True)))
    return made


def ask(case, code, label):
    from worker import typed
    idiom, _, letters = label.partition(" ")
    letters = [LETTERS[c] for c in letters.split(",")] if letters else []
    found, text = [], None
    for sizes, data in case.data():
        scope = {n: getattr(sympy, n) for n in dir(sympy) if not n.startswith("_")}
        scope |= SIZES | LETTERS | named(case, idiom, data) | {"sum": sum, "len": len, "range": range, "all": all}
        answer = typed(code, scope)
        if case.kind == "judge":
            return str(list(answer)), list(answer)
        answers = answer if isinstance(answer, tuple) else (answer,)
        text = text or "\n".join(str(a) for a in answers)
        extents = {SIZES[d]: e for d, e in sizes.items()}
        shapes = [p.shape for p in case.answer(data)] if case.kind == "plain" or case.kind == "capture" else [()] * len(answers)
        found.append([number(a, extents, data, letters, shape) for a, shape in zip(answers, shapes)])
    return text, found


def number(answer, extents, data, letters, shape):
    """The values of an answer at a size and a point."""
    left = [d for d in sympy.preorder_traversal(answer)
            if isinstance(d, sympy.Derivative)] if isinstance(answer, sympy.Basic) else []
    if left:
        raise Unevaluated(f"left as {answer}")
    if letters:
        values = np.empty(shape)
        for entry in product(*map(range, shape)):
            chosen = dict(zip(letters, entry))
            values[entry] = value(answer.subs(extents).subs(chosen).doit(), data)
        return values
    if hasattr(answer, "as_explicit"):
        answer = answer.subs(extents)
        # Numbers before the explicit form, or an inverse would be written out in letters first.
        answer = answer.xreplace({s: matrix(data[s.name]) for s in answer.atoms(sympy.MatrixSymbol) if s.name in data}).doit()
        answer = answer.as_explicit() if hasattr(answer, "as_explicit") else answer
    if isinstance(answer, (sympy.MatrixBase, sympy.NDimArray)):
        entries = [value(e.doit(), data) for e in sympy.flatten(answer)] if isinstance(answer, sympy.MatrixBase) else \
            [value(e.doit(), data) for e in sympy.Array(answer).reshape(int(np.prod(answer.shape)))]
        return np.array(entries).reshape(answer.shape)
    return np.array(value(answer.subs(extents).doit(), data))


def exact(v):
    return sympy.Rational(*float(v).as_integer_ratio())


def matrix(array):
    array = array.reshape(array.shape + (1,) * (2 - array.ndim))
    return sympy.ImmutableMatrix(*array.shape, [exact(v) for v in array.ravel()])


def value(entry, data):
    """One number: every access by its exact value, then 30 digits."""
    def access(e):
        if isinstance(e, MatrixElement):
            name, position = str(e.parent), (int(e.i), int(e.j))
            return exact(data[name].reshape(data[name].shape + (1,) * (2 - data[name].ndim))[position])
        v = data[str(e.base)][tuple(int(c) for c in e.indices)]
        return sympy.Integer(int(v)) if data[str(e.base)].dtype.kind == "i" else exact(v)

    labels = {s: int(data[s.name]) for s in entry.free_symbols if s.name in data and data[s.name].ndim == 0}
    entry = entry.subs({s: v if data[s.name].dtype.kind == "i" else exact(v) for s, v in labels.items()}
                       | {s: exact(data[s.name]) for s in labels if data[s.name].dtype.kind == "f"})
    entry = entry.replace(lambda e: isinstance(e, (MatrixElement, sympy.Indexed)), access)
    spelled = {}
    for s in entry.free_symbols:
        name, *position = s.name.split("_")
        if name in data and len(position) == 2:
            spelled[s] = exact(data[name].reshape(data[name].shape + (1,) * (2 - data[name].ndim))[int(position[0]), int(position[1])])
    entry = entry.subs(spelled).doit()
    result = sympy.N(entry, 30)
    if not result.is_number:
        raise Unevaluated(f"no number comes of {str(entry)[:200]}")
    return float(result)
