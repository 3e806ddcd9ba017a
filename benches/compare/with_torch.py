"""PyTorch: numbers at one point and one size, by `torch.func`."""

import numpy as np
import torch

NAME = "PyTorch"
KIND = "numbers"
PREAMBLE = "import torch; from torch.func import grad, hessian, jacrev; every name holds a float64 tensor of numbers"

NET = "net = lambda V1, V2: 0.5*((V2 @ torch.relu(V1 @ x + b1) + b2 - t)**2).sum()\n"
ATTEMPTS = {
    "quadratic": [("", "grad(lambda z: 0.5*((z - t)**2).sum())(z)")],
    "label": [("", "grad(lambda z: torch.log(torch.exp(z).sum()) - z[y])(z)")],
    "relu": [("", "jacrev(torch.relu)(x)")],
    "affine_xb": [("", "jacrev(lambda x, b: V @ x + b, argnums=(0, 1))(x, b)")],
    "affine_V": [("", "jacrev(lambda V: V @ x + b)(V)")],
    "net_V1": [("", NET + "grad(net, argnums=0)(V1, V2)")],
    "net_V2": [("", NET + "grad(net, argnums=1)(V1, V2)")],
    "least_squares": [("", "grad(lambda w: 0.5*((X @ w - t)**2).sum())(w)")],
    "ridge": [("", "grad(lambda w: 0.5*((X @ w - t)**2).sum() + lam/2*(w**2).sum())(w)")],
    "logistic": [("", "grad(lambda w: torch.nn.functional.softplus(-sign*(X @ w)).sum())(w)")],
    "softmax_regression": [("", "grad(lambda W: torch.nn.functional.cross_entropy(X @ W.T, y, reduction='sum'))(W)")],
    "hinge": [("", "grad(lambda w: torch.relu(1 - sign*(X @ w)).sum())(w)")],
    "gaussian_mean": [("", "grad(lambda mu: 0.5*torch.logdet(P) - 0.5*(x - mu) @ P @ (x - mu))(mu)")],
    "gaussian_precision": [("", "grad(lambda P: 0.5*torch.logdet(P) - 0.5*(x - mu) @ P @ (x - mu))(P)")],
    "huber": [("", "a = torch.abs\ngrad(lambda r: torch.where(a(r) <= delta, r**2/2, delta*(a(r) - delta/2)).sum())(r)")],
    "kl": [("", "grad(lambda p: (p*torch.log(p/q)).sum())(p)")],
    "factorisation": [("", "grad(lambda U: 0.5*((U @ W.T - M)**2).sum())(U)")],
    "layer_norm": [("", "jacrev(lambda x: torch.nn.functional.layer_norm(x, x.shape, eps=1e-5))(x)")],
    "attention": [("", "grad(lambda Q: (G*(torch.softmax(s*(Q @ K.T), dim=1) @ W)).sum())(Q)")],
    "trace": [("", "grad(lambda X: torch.trace(A @ X @ B))(X)")],
    "logdet": [("", "grad(torch.logdet)(X)")],
    "trace_inverse": [("", "grad(lambda X: torch.trace(torch.linalg.inv(X) @ A))(X)")],
    "quadratic_form": [("", "grad(lambda x: x @ A @ x)(x)")],
    "hessian_lse": [("", "hessian(lambda z: torch.log(torch.exp(z).sum()))(z)")],
    "hessian_quadratic": [("", "hessian(lambda x: x @ A @ x)(x)")],
    "kinks": [("", "grad(torch.relu)(x), grad(torch.abs)(x), grad(torch.maximum)(x, w)")],
    "overflow": [("", "grad(lambda z: torch.log(torch.exp(z).sum()))(z)"), ("", "grad(lambda z: torch.logsumexp(z, 0))(z)")],
    "trap": [("", "grad(lambda x: torch.where(x > 0, torch.exp(-1/x), 0.0))(x)"),
             ("", "def f(x):\n    safe = torch.where(x > 0, x, 1.0)\n    return torch.where(x > 0, torch.exp(-1/safe), 0.0)\n\n"
                  "grad(f)(x)")],
    "capture": "there are no letters, so none can be captured",
    "judge": [("", "g = grad(lambda z: torch.log(torch.exp(z).sum()) - z[y])(z)\ns = torch.exp(z).sum()\n"
                   "hot = torch.nn.functional.one_hot(y, len(z))\n"
                   "torch.allclose(g, torch.exp(z)/s - hot), torch.allclose(g, torch.exp(z)/torch.log(s) - hot)")],
}


def version():
    return f"PyTorch {torch.__version__.split('+')[0]}"


def spoken(case, code, label):
    return code


def ask(case, code, label):
    from worker import typed
    found = []
    for _, data in case.data():
        scope = {name: torch.tensor(value) for name, value in data.items()}
        scope |= dict(torch=torch, grad=torch.func.grad, hessian=torch.func.hessian, jacrev=torch.func.jacrev)
        answer = typed(code, scope)
        found.append([np.asarray(a) for a in answer] if isinstance(answer, tuple) else [np.asarray(answer)])
    if case.kind == "judge":
        return str([bool(v) for v in found[0]]), [bool(v) for v in found[0]]
    return "; ".join(np.array2string(p, precision=4, threshold=12, separator=", ") for p in found[0]), found
