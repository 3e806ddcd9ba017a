"""tensorgrad: tensor diagrams with named edges, for all sizes; `full_simplify` as its documentation shows."""

import numpy as np
import sympy
import tensorgrad
import tensorgrad.functions
import torch
from importlib.metadata import version as installed
from tensorgrad.compiler import compile_to_callable
from tensorgrad.extras.evaluate import evaluate
from tensorgrad.extras.to_index import to_index

NAME = "tensorgrad"
KIND = "formula"
# Its evaluator makes single-precision tensors of its own, and refuses to mix them with double precision.
TOLERANCE = 1e-4
PREAMBLE = ("from tensorgrad import *; import tensorgrad.functions as F; n, m, ... = symbols('n m ...'); z = Variable('z', n),"
            " A = Variable('A', n, n2=n), ...; edges carry the names of the sizes")

NET = "f = F.sum((V2 @ F.relu(V1 @ x + b1) + b2 - t)**2)/2\n"
GAUSS = "r = x - mu\nf = F.log(F.det(P))/2 - (r @ P @ r.rename(n='n2'))/2\n"
ATTEMPTS = {
    "quadratic": [("i", "(F.sum((z - t)**2)/2).grad(z, {'n': 'i'}).full_simplify()")],
    "label": [("i", "(F.log(F.sum(F.exp(z))) - z @ F.one_hot(y, n)).grad(z, {'n': 'i'}).full_simplify()")],
    "relu": [("n j", "F.relu(x).grad(x, {'n': 'j'}).full_simplify()")],
    "affine_xb": [("m j", "(V @ x + b).grad(x, {'n': 'j'}).full_simplify(), (V @ x + b).grad(b, {'m': 'j'}).full_simplify()")],
    "affine_V": [("m j k", "(V @ x + b).grad(V, {'m': 'j', 'n': 'k'}).full_simplify()")],
    "net_V1": [("i j", NET + "f.grad(V1, {'h': 'i', 'd': 'j'}).full_simplify()")],
    "net_V2": [("i j", NET + "f.grad(V2, {'k': 'i', 'h': 'j'}).full_simplify()")],
    "least_squares": [("i", "(F.sum((X @ w - t)**2)/2).grad(w, {'n': 'i'}).full_simplify()")],
    "ridge": [("i", "(F.sum((X @ w - t)**2)/2 + lam*F.sum(w**2)/2).grad(w, {'n': 'i'}).full_simplify()")],
    "logistic": [("i", "F.sum(F.log(1 + F.exp(-sign*(X @ w)))).grad(w, {'n': 'i'}).full_simplify()")],
    "softmax_regression": [("i j", "scores = X @ W\nf = F.sum(F.log(F.sum(F.exp(scores), dim='k'))) - scores @ F.one_hot(y, k)\n"
                            "f.grad(W, {'k': 'i', 'n': 'j'}).full_simplify()"),
                           ("i j", "f = F.sum(F.cross_entropy(X @ W, F.one_hot(y, k), dim='k'))\n"
                            "f.grad(W, {'k': 'i', 'n': 'j'}).full_simplify()")],
    "hinge": [("i", "F.sum(F.relu(1 - sign*(X @ w))).grad(w, {'n': 'i'}).full_simplify()")],
    "gaussian_mean": [("i", GAUSS + "f.grad(mu, {'n': 'i'}).full_simplify()")],
    "gaussian_precision": [("i j", GAUSS + "f.grad(P, {'n': 'i', 'n2': 'j'}).full_simplify()")],
    "huber": [("i", "large = F.gt0(F.abs(r) - delta*Ones(n))\n"
               "F.sum((1 - large)*r**2/2 + large*(delta*F.abs(r) - delta**2/2)).grad(r, {'n': 'i'}).full_simplify()")],
    "kl": [("i", "F.sum(p*F.log(p/q)).grad(p, {'n': 'i'}).full_simplify()")],
    "factorisation": [("i j", "(F.sum((U @ W - M)**2)/2).grad(U, {'m': 'i', 'd': 'j'}).full_simplify()")],
    "layer_norm": [("n j", "c = x - F.mean(x, keepdims=True)\ny = c/F.sqrt(F.mean(c**2, keepdims=True) + Fraction(1, 100000))\n"
                    "y.grad(x, {'n': 'j'}).full_simplify()"),
                   ("n j", "c = x - F.mean(x)*Ones(n)\ny = c*F.pow(F.mean(c**2) + 0.00001, Fraction(-1, 2))\n"
                    "y.grad(x, {'n': 'j'}).full_simplify()")],
    "attention": [("i j", "a = F.softmax(s*(Q @ K), dim='m')\n(G @ (a @ W)).grad(Q, {'n': 'i', 'd': 'j'}).full_simplify()")],
    "trace": [("i j", "(A @ X @ B).grad(X, {'n': 'i', 'k': 'j'}).full_simplify()")],
    "logdet": [("i j", "F.log(F.det(X)).grad(X, {'n': 'i', 'n2': 'j'}).full_simplify()")],
    # The inverse keeps the names of the edges, that is, it is transposed: contracted with A it is tr(X^-1 A).
    "trace_inverse": [("i j", "f = F.inverse(X) @ A\nf.grad(X, {'n': 'i', 'n2': 'j'}).full_simplify()")],
    "quadratic_form": [("i", "(x @ A @ x.rename(n='n2')).grad(x, {'n': 'i'}).full_simplify()")],
    "hessian_lse": [("i j", "F.log(F.sum(F.exp(z))).grad(z, {'n': 'i'}).grad(z, {'n': 'j'}).full_simplify()")],
    "hessian_quadratic": [("i j", "(x @ A @ x.rename(n='n2')).grad(x, {'n': 'i'}).grad(x, {'n': 'j'}).full_simplify()")],
    "kinks": [("", "tuple(f.grad(x).full_simplify() for f in (F.relu(x), F.abs(x), F.maximum(x, w)))")],
    "overflow": [("i", "F.log(F.sum(F.exp(z))).grad(z, {'n': 'i'}).full_simplify()"),
                 ("compiled i", "F.log(F.sum(F.exp(z))).grad(z, {'n': 'i'})")],
    "trap": [("", "(F.gt0(x)*F.exp(-1/x)).grad(x).full_simplify()"),
             ("", "safe = x*F.gt0(x) + 1 - F.gt0(x)\n(F.gt0(x)*F.exp(-1/safe)).grad(x).full_simplify()"),
             ("compiled", "(F.gt0(x)*F.exp(-1/x)).grad(x)")],
    "capture": [("n", "(F.sum((z - t)**2)/2).grad(z, {'n': 'n'}).full_simplify()")],
    "judge": [("", "g = (F.log(F.sum(F.exp(z))) - z @ F.one_hot(y, n)).grad(z, {'n': 'n'})\ns = F.sum(F.exp(z))\nhot = F.one_hot(y, n)\n"
                   "[(g - (F.exp(z)/c - hot)).full_simplify() == Zero(n) for c in (s, F.log(s))]"),
              ("", "g = (F.log(F.sum(F.exp(z))) - z @ F.one_hot(y, n)).grad(z, {'n': 'n'}).full_simplify()\ns = F.sum(F.exp(z))\n"
                   "hot = F.one_hot(y, n)\n"
                   "[g.is_isomorphic((F.exp(z)/c - hot).full_simplify(), match_edges=True) for c in (s, F.log(s))]")],
}


class NotANumber(Exception):
    """The evaluator refuses a value that is not a number."""

    verdict = "NaN"


def version():
    return f"tensorgrad {installed('tensorgrad')}"


def spoken(case, code, label):
    return code + ("\n# run by compile_to_callable(...)({z: ...}, {n: ...})" if label.startswith("compiled") else "")


def ask(case, code, label):
    from fractions import Fraction
    from worker import typed
    sizes = {d: sympy.Symbol(d) for d in "nmkdh"}
    variables = {}
    for name, dims in case.arrays.items():
        if len(dims) == 2 and dims[0] == dims[1]:
            variables[name] = tensorgrad.Variable(name, sizes[dims[0]], **{dims[1] + "2": sizes[dims[1]]})
        else:
            variables[name] = tensorgrad.Variable(name, *(sizes[d] for d in dims))
    scope = {n: getattr(tensorgrad, n) for n in dir(tensorgrad) if n[0].isupper()}
    scope |= sizes | variables | {"F": tensorgrad.functions, "Fraction": Fraction}
    answer = typed(code, scope)
    if case.kind == "judge":
        return str(list(answer)), list(answer)
    answers = answer if isinstance(answer, tuple) else (answer,)
    text = "\n".join(written(a.full_simplify()) for a in answers)
    edges = label.removeprefix("compiled").split()
    run = compile_to_callable(*answers) if label.startswith("compiled") else None
    found = []
    for extents, data in case.data():
        values = {v: torch.tensor(np.asarray(data[n], dtype=np.float32)).rename(*v.edges) if v.edges else
                  torch.tensor(float(data[n])) for n, v in variables.items()}
        known = {sizes[d]: e for d, e in extents.items()}
        try:
            told = run(values, known) if run else [evaluate(a, dict(values), dict(known)) for a in answers]
            told = told if isinstance(told, (list, tuple)) else [told]
            found.append([t.align_to(*edges).rename(None).numpy() if edges else t.numpy() for t in told])
        except AssertionError as error:
            raise NotANumber("its evaluator stops: " + str(error).split(" in ")[0]) if "NaN" in str(error) else error from None
    return text, found


def written(answer):
    """Index notation where tensorgrad has it, else the graph."""
    try:
        return to_index(answer)
    except Exception:  # noqa: BLE001 - not every node has an index form there
        return " ".join(str(answer).split())
