"""JAX: numbers at one point and one size. Where a function is sensitive, the naive form and the library's own are shown."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_x64", True)

NAME = "JAX"
KIND = "numbers"
PREAMBLE = "import jax, jax.numpy as jnp; jax.config.update('jax_enable_x64', True); every name holds an array of numbers"

NET = "net = lambda V1, V2: 0.5*jnp.sum((V2 @ jax.nn.relu(V1 @ x + b1) + b2 - t)**2)\n"
NO_LETTERS = "there are no letters, so none can be captured"
ATTEMPTS = {
    "quadratic": [("", "jax.grad(lambda z: 0.5*jnp.sum((z - t)**2))(z)")],
    "label": [("", "jax.grad(lambda z: jnp.log(jnp.sum(jnp.exp(z))) - z[y])(z)")],
    "relu": [("", "jax.jacobian(jax.nn.relu)(x)")],
    "affine_xb": [("", "jax.jacobian(lambda x, b: V @ x + b, argnums=(0, 1))(x, b)")],
    "affine_V": [("", "jax.jacobian(lambda V: V @ x + b)(V)")],
    "net_V1": [("", NET + "jax.grad(net, argnums=0)(V1, V2)")],
    "net_V2": [("", NET + "jax.grad(net, argnums=1)(V1, V2)")],
    "least_squares": [("", "jax.grad(lambda w: 0.5*jnp.sum((X @ w - t)**2))(w)")],
    "ridge": [("", "jax.grad(lambda w: 0.5*jnp.sum((X @ w - t)**2) + lam/2*jnp.sum(w**2))(w)")],
    "logistic": [("", "jax.grad(lambda w: jnp.sum(jax.nn.softplus(-sign*(X @ w))))(w)")],
    "softmax_regression": [("", "s = jnp.arange(len(y))\n"
                            "jax.grad(lambda W: -jnp.sum(jax.nn.log_softmax(X @ W.T)[s, y]))(W)")],
    "hinge": [("", "jax.grad(lambda w: jnp.sum(jax.nn.relu(1 - sign*(X @ w))))(w)")],
    "gaussian_mean": [("", "jax.grad(lambda mu: 0.5*jnp.linalg.slogdet(P)[1] - 0.5*(x - mu) @ P @ (x - mu))(mu)")],
    "gaussian_precision": [("", "jax.grad(lambda P: 0.5*jnp.linalg.slogdet(P)[1] - 0.5*(x - mu) @ P @ (x - mu))(P)")],
    "huber": [("", "a = jnp.abs\njax.grad(lambda r: jnp.sum(jnp.where(a(r) <= delta, r**2/2, delta*(a(r) - delta/2))))(r)")],
    "kl": [("", "jax.grad(lambda p: jnp.sum(p*jnp.log(p/q)))(p)")],
    "factorisation": [("", "jax.grad(lambda U: 0.5*jnp.sum((U @ W.T - M)**2))(U)")],
    "layer_norm": [("", "jax.jacobian(lambda x: (x - x.mean())/jnp.sqrt(x.var() + 1e-5))(x)")],
    "attention": [("", "jax.grad(lambda Q: jnp.sum(G*(jax.nn.softmax(s*(Q @ K.T), axis=1) @ W)))(Q)")],
    "trace": [("", "jax.grad(lambda X: jnp.trace(A @ X @ B))(X)")],
    "logdet": [("", "jax.grad(lambda X: jnp.linalg.slogdet(X)[1])(X)")],
    "trace_inverse": [("", "jax.grad(lambda X: jnp.trace(jnp.linalg.inv(X) @ A))(X)")],
    "quadratic_form": [("", "jax.grad(lambda x: x @ A @ x)(x)")],
    "hessian_lse": [("", "jax.hessian(lambda z: jnp.log(jnp.sum(jnp.exp(z))))(z)")],
    "hessian_quadratic": [("", "jax.hessian(lambda x: x @ A @ x)(x)")],
    "kinks": [("", "jax.grad(jax.nn.relu)(x), jax.grad(jnp.abs)(x), jax.grad(jnp.maximum)(x, w)")],
    "overflow": [("", "jax.grad(lambda z: jnp.log(jnp.sum(jnp.exp(z))))(z)"), ("", "jax.grad(jax.nn.logsumexp)(z)")],
    "trap": [("", "jax.grad(lambda x: jnp.where(x > 0, jnp.exp(-1/x), 0.0))(x)"),
             ("", "def f(x):\n    safe = jnp.where(x > 0, x, 1.0)\n    return jnp.where(x > 0, jnp.exp(-1/safe), 0.0)\n\n"
                  "jax.grad(f)(x)")],
    "capture": NO_LETTERS,
    "judge": [("", "g = jax.grad(lambda z: jnp.log(jnp.sum(jnp.exp(z))) - z[y])(z)\ns = jnp.sum(jnp.exp(z))\n"
                   "hot = jax.nn.one_hot(y, len(z))\n"
                   "bool(jnp.allclose(g, jnp.exp(z)/s - hot)), bool(jnp.allclose(g, jnp.exp(z)/jnp.log(s) - hot))")],
}


def version():
    return f"JAX {jax.__version__}"


def spoken(case, code, label):
    return code


def ask(case, code, label):
    from worker import typed
    found = []
    for _, data in case.data():
        scope = {name: jnp.asarray(value) for name, value in data.items()} | {"jax": jax, "jnp": jnp}
        answer = typed(code, scope)
        found.append([np.asarray(a) for a in answer] if isinstance(answer, tuple) else [np.asarray(answer)])
    if case.kind == "judge":
        return str([bool(v) for v in found[0]]), [bool(v) for v in found[0]]
    return "; ".join(np.array2string(p, precision=4, threshold=12, separator=", ") for p in found[0]), found
