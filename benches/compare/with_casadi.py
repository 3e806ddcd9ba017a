"""CasADi, SX: a formula for every entry, at the size at which the arrays were made."""

import casadi
import numpy as np

NAME = "CasADi"
KIND = "fixed"
PREAMBLE = ("from casadi import *; z = SX.sym('z', 3), V = SX.sym('V', 2, 3), ...: every name is an array of symbols of"
            " fixed size; jacobian(f, M) has vec(M) as its columns")

NET = "f = sumsqr(V2 @ fmax(V1 @ x + b1, 0) + b2 - t)/2\n"
ATTEMPTS = {
    "quadratic": [("", "gradient(sumsqr(z - t)/2, z)")],
    "label": [("", "gradient(log(sum1(exp(z))) - z[y], z)"), ("", "gradient(logsumexp(z) - z[y], z)")],
    "relu": [("", "jacobian(fmax(x, 0), x)")],
    "affine_xb": [("", "jacobian(V @ x + b, x), jacobian(V @ x + b, b)")],
    "affine_V": [("", "jacobian(V @ x + b, vec(V))")],
    "net_V1": [("", NET + "gradient(f, V1)")],
    "net_V2": [("", NET + "gradient(f, V2)")],
    "least_squares": [("", "gradient(sumsqr(X @ w - t)/2, w)")],
    "ridge": [("", "gradient(sumsqr(X @ w - t)/2 + lam/2*sumsqr(w), w)")],
    "logistic": [("", "gradient(sum1(log1p(exp(-sign*(X @ w)))), w)")],
    "softmax_regression": [("", "f = sum(logsumexp((W @ X[s, :].T)) - (W @ X[s, :].T)[y[s]] for s in range(len(y)))\ngradient(f, W)")],
    "hinge": [("", "gradient(sum1(fmax(0, 1 - sign*(X @ w))), w)")],
    "gaussian_mean": [("", "gradient(log(det(P))/2 - (x - mu).T @ P @ (x - mu)/2, mu)")],
    "gaussian_precision": [("", "gradient(log(det(P))/2 - (x - mu).T @ P @ (x - mu)/2, P)")],
    "huber": [("", "gradient(sum1(if_else(fabs(r) <= delta, r**2/2, delta*(fabs(r) - delta/2))), r)")],
    "kl": [("", "gradient(sum1(p*log(p/q)), p)")],
    "factorisation": [("", "gradient(sumsqr(U @ W.T - M)/2, U)")],
    "layer_norm": [("", "c = x - sum1(x)/x.numel()\njacobian(c/sqrt(sumsqr(c)/x.numel() + 1e-5), x)")],
    "attention": [("", "e = exp(s*(Q @ K.T))\na = e/repmat(sum2(e), 1, e.shape[1])\ngradient(sum1(sum2(G*(a @ W))), Q)")],
    "trace": [("", "gradient(trace(A @ X @ B), X)")],
    "logdet": [("", "gradient(log(det(X)), X)")],
    "trace_inverse": [("", "gradient(trace(inv(X) @ A), X)")],
    "quadratic_form": [("", "gradient(x.T @ A @ x, x)")],
    "hessian_lse": [("", "hessian(log(sum1(exp(z))), z)[0]")],
    "hessian_quadratic": [("", "hessian(x.T @ A @ x, x)[0]")],
    "kinks": [("formula", "gradient(fmax(x, 0), x), gradient(fabs(x), x), gradient(fmax(x, w), x)")],
    "overflow": [("", "gradient(log(sum1(exp(z))), z)"), ("", "gradient(logsumexp(z), z)")],
    "trap": [("formula", "gradient(if_else(x > 0, exp(-1/x), 0), x)")],
    "capture": "there are no letters, so none can be captured",
    "judge": [("numbers", "g = gradient(log(sum1(exp(z))) - z[y], z)\ns = sum1(exp(z))\nhot = SX.eye(z.numel())[:, y]\n"
                          "gap = Function('gap', [z], [norm_inf(g - (exp(z)/s - hot)), norm_inf(g - (exp(z)/log(s) - hot))])\n"
                          "[float(v) < 1e-9 for v in gap(point['z'])]")],
}


def version():
    return f"CasADi {casadi.__version__}"


def spoken(case, code, label):
    return code


def ask(case, code, label):
    from worker import typed
    found, text = [], None
    for _, data in case.data():
        symbols = {n: casadi.SX.sym(n, *(v.shape if v.ndim == 2 else (v.size,))) for n, v in data.items() if n not in case.labels}
        numbers = {n: v.astype(int).tolist() for n, v in data.items() if n in case.labels}
        scope = {n: getattr(casadi, n) for n in dir(casadi) if not n.startswith("_")}
        scope |= {"sum": sum, "len": len, "range": range, "float": float, "point": data} | symbols | numbers
        answer = typed(code, scope)
        if case.kind == "judge":
            answer = [bool(v) for v in answer]
            return str(answer), answer
        answers = answer if isinstance(answer, tuple) else (answer,)
        text = text or "\n".join(str(a) for a in answers)
        run = casadi.Function("run", list(symbols.values()), list(answers))
        values = run.call([casadi.DM(data[n]) for n in symbols])
        found.append([folded(np.array(v), data[wrt]) for v, (_, wrt) in zip(values, case.parts)])
    return text, found


def folded(jacobian, variable):
    """The columns of a Jacobian by vec(M) as two axes again; a gradient has the shape of its variable already."""
    if variable.ndim == 2 and jacobian.shape[1:] == (variable.size,) and jacobian.shape != variable.shape:
        return jacobian.reshape(jacobian.shape[:1] + variable.shape, order="F")
    return jacobian
