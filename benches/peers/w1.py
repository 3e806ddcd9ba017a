"""W1: one call of the homework's network, `x -> p = v1 x + b1 -> q = relu(p) -> z = v2 q + b2 -> loss`, f64.

grad_jac  the six local Jacobians and the seven gradients: jv2 jb2 jq jp jv1 jb1 gz gv2 gb2 gq gp gv1 gb1
grad      the gradients of the parameters: gv2 gb2 gv1 gb1

Parameters, x and y are arguments of every call. The label of a cross entropy is given one-hot.
"""

from common import Report, bench, bench_c, bench_jax, casadi_c, casadi_vm, cases, checksum, compiled, np, torch, uni

NUMBERS = {
    "net0": ([[2, -1], [0, 3], [2, 1]], [2, -1, 3], [[2, 1, -3], [3, -1, 2]], [4, 2], [-1, 2], [-4, 1]),
    "net2": ([[1, 2], [1, 0]], [-5, 2], [[2, -3], [1, 0], [-1, -1]], [1, 3, -2], [-1, 2], [0, 0, 1]),
}
NAMES = ("v1", "b1", "v2", "b2", "x", "y")


def arguments_of(case):
    if "numbers" in case:
        return [np.array(a, dtype=np.float64) for a in NUMBERS[case["numbers"]]]
    i, h, o = case["dims"]
    y = np.eye(o)[0] if case["loss"] == "cross_entropy" else uni(155, o)
    return [uni(150, (h, i)), uni(151, h), uni(152, (o, h)), uni(153, o), uni(154, i), y]


def by_numpy(case, v1, b1, v2, b2, x, y, everything):
    """As the homework does it: dense local Jacobians beside the gradients."""
    p = v1 @ x + b1
    tanh = case["activation"] == "tanh"
    q = np.tanh(p) if tanh else np.maximum(p, 0.0)
    slope = 1 - q * q if tanh else (p > 0).astype(float)
    z = v2 @ q + b2
    if case["loss"] == "cross_entropy":
        e = np.exp(z - z.max())
        gz = e / e.sum() - y
    else:
        gz = z - y
    gq = gz @ v2
    gp = gq * slope
    gv2, gv1 = np.outer(gz, q), np.outer(gp, x)
    if not everything:
        return gv2, gz, gv1, gp
    eo, eh = np.eye(z.size), np.eye(p.size)
    jacobians = eo[:, :, None] * q, eo, v2, np.diag(slope), eh[:, :, None] * x, eh
    return *jacobians, gz, gv2, gz, gq, gp, gv1, gp


def by_c(case, flat, everything):
    i, h, o = case["dims"]
    flags = {"I": i, "H": h, "O": o}
    flags["CROSS_ENTROPY"] = int(case["loss"] == "cross_entropy")
    flags["TANH"] = int(case["activation"] == "tanh")
    library = compiled("homework.c", *(f"-D{name}={value}" for name, value in flags.items()))
    gradients = o * h + o + h * i + h
    jacobians = o * o * h + o * o + o * h + h * h + h * h * i + h * h
    out = np.zeros(gradients + (jacobians + o + 2 * h if everything else 0))
    return bench_c(library.loop, flat, out, int(everything)), checksum(out)


def by_jax(case, arguments, everything):
    import jax
    from jax import jacrev, numpy as jnp

    act = jnp.tanh if case["activation"] == "tanh" else lambda p: jnp.maximum(p, 0.0)

    def loss_of(z, y):
        if case["loss"] == "cross_entropy":
            return jax.nn.logsumexp(z) - z @ y
        return 0.5 * jnp.sum((z - y) ** 2)

    def loss(v1, b1, v2, b2, x, y):
        return loss_of(v2 @ act(v1 @ x + b1) + b2, y)

    def gradients(*a):
        gv1, gb1, gv2, gb2 = jax.grad(loss, (0, 1, 2, 3))(*a)
        return gv2, gb2, gv1, gb1

    def everything_of(v1, b1, v2, b2, x, y):
        p = v1 @ x + b1
        q = act(p)
        z = v2 @ q + b2
        affine = lambda v, b, x: v @ x + b  # noqa: E731
        jv2, jb2, jq = jacrev(affine, (0, 1, 2))(v2, b2, q)
        jp = jacrev(act)(p)
        jv1, jb1 = jacrev(affine, (0, 1))(v1, b1, x)
        gz = jax.grad(loss_of)(z, y)
        gq = jax.grad(lambda q: loss_of(v2 @ q + b2, y))(q)
        gp = jax.grad(lambda p: loss_of(v2 @ act(p) + b2, y))(p)
        gv2, gb2, gv1, gb1 = gradients(v1, b1, v2, b2, x, y)
        return jv2, jb2, jq, jp, jv1, jb1, gz, gv2, gb2, gq, gp, gv1, gb1

    return bench_jax(everything_of if everything else gradients, arguments)


def by_torch(case, arguments):
    """The gradients alone, eagerly: what a training loop in PyTorch runs."""
    module = torch()
    v1, b1, v2, b2, x, y = (module.from_numpy(a.copy()) for a in arguments)
    parameters = [p.requires_grad_(True) for p in (v2, b2, v1, b1)]
    act = module.tanh if case["activation"] == "tanh" else module.relu

    def call():
        z = v2 @ act(v1 @ x + b1) + b2
        if case["loss"] == "cross_entropy":
            loss = module.logsumexp(z, 0) - z @ y
        else:
            loss = 0.5 * ((z - y) ** 2).sum()
        return module.autograd.grad(loss, parameters)

    return bench(call), checksum(*(g.numpy() for g in call()))


def casadi_function(case, arguments, everything):
    import casadi as ca

    v1, b1, v2, b2, x, y = symbols = [ca.SX.sym(n, *a.shape) for n, a in zip(NAMES, arguments)]
    row_major = lambda m: ca.reshape(m.T, -1, 1)  # noqa: E731
    act = ca.tanh if case["activation"] == "tanh" else lambda p: ca.fmax(p, 0)
    # Fresh symbols for the intermediate values, so that a local Jacobian stops at them.
    p, q, z = v1 @ x + b1, ca.SX.sym("q", b1.shape[0]), ca.SX.sym("z", b2.shape[0])
    hidden, of_q, ps = act(p), v2 @ q + b2, ca.SX.sym("p", b1.shape[0])

    def loss_of(z):
        if case["loss"] == "cross_entropy":
            greatest = ca.mmax(z)
            return ca.log(ca.sum1(ca.exp(z - greatest))) + greatest - ca.dot(z, y)
        return 0.5 * ca.sumsqr(z - y)

    loss = loss_of(v2 @ hidden + b2)
    gv2, gb2, gv1, gb1 = (row_major(ca.gradient(loss, w)) for w in (v2, b2, v1, b1))
    if everything:
        at = lambda e: ca.substitute(ca.substitute(ca.substitute(e, z, of_q), q, hidden), ps, p)  # noqa: E731
        dense = lambda e, w: row_major(ca.densify(ca.jacobian(e, w)))  # noqa: E731
        jacobians = [
            dense(of_q, row_major(v2)), dense(of_q, b2), dense(of_q, q), dense(act(ps), ps),
            dense(p, row_major(v1)), dense(p, b1),
        ]
        gz = ca.gradient(loss_of(z), z)
        gq = v2.T @ gz
        gp = ca.gradient(ca.dot(act(ps), gq), ps)
        results = [at(e) for e in (*jacobians, gz, gv2, gb2, gq, gp, gv1, gb1)]
    else:
        results = [gv2, gb2, gv1, gb1]
    flat = ca.vertcat(*(row_major(s) if s.shape[1] > 1 else s for s in symbols))
    return ca.Function("network", [flat], [ca.densify(ca.vertcat(*results))], {"cse": True})


def measure():
    for case in cases("homework"):
        report = Report("W1", case["n"])
        arguments = arguments_of(case)
        flat = np.concatenate([a.ravel() for a in arguments])
        for metric, everything in (("grad_jac", True), ("grad", False)):
            report("c_hand", metric, lambda: by_c(case, flat, everything))

            def numpy_hand():
                call = lambda: by_numpy(case, *arguments, everything)  # noqa: E731
                return bench(call), checksum(*call())

            report("numpy_hand", metric, numpy_hand)
            report("jax", metric, lambda: by_jax(case, arguments, everything))
            if not everything:
                report("torch", metric, lambda: by_torch(case, arguments))

            def vm():
                function = casadi_function(case, arguments, everything)
                return casadi_vm(function, [flat], [np.zeros(function.nnz_out(0))])

            report("casadi_vm", metric, vm)
            report("casadi_c", metric, lambda: casadi_c(casadi_function(case, arguments, everything), flat[None, :].copy()))
