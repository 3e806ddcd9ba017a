"""W7: gradients of scalar code, f64; the value is not returned.

rosenbrock_n    chained, x = 1 + uni(700, n)/10
speelpenning_n  f = product of x_i, x = 1 + uni(701, n)/100
arm_j           j revolute joints, standard Denavit-Hartenberg: A_i = RotZ(q_i) TransZ(d_i) TransX(a_i) RotX(al_i),
                p the position of A_1 .. A_j, f = |p - t|^2, q = uni(702, j), t = (.3, .2, .5). Sines and cosines of
                al_i are exact zeros and ones, given as constants
arm_batchN_j    the same for N rows of uni(703, (N, j)); the time is that of the whole batch
"""

from common import Report, bench, bench_c, bench_jax, cases, casadi_c, casadi_vm, checksum, compiled, jax, np, torch, uni

D, A = [0.1625, 0, 0, 0.1333, 0.0997, 0.0996], [0, -0.425, -0.3922, 0, 0, 0]
CA, SA, T = [0, 1, 1, 0, 0, 1], [1, 0, 0, 1, -1, 0], [0.3, 0.2, 0.5]


def arm(q, cos, sin):
    x, y, z, p = [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]
    for i, angle in enumerate(q):
        c, s = cos(angle), sin(angle)
        x, turned = [c * a + s * b for a, b in zip(x, y)], [c * b - s * a for a, b in zip(x, y)]
        p = [pk + D[i] * zk + A[i] * xk for pk, zk, xk in zip(p, z, x)]
        y, z = [CA[i] * a + SA[i] * b for a, b in zip(turned, z)], [CA[i] * b - SA[i] * a for a, b in zip(turned, z)]
    return sum((pk - t) * (pk - t) for pk, t in zip(p, T))


def product(x):
    f = 1
    for i in range(x.shape[0]):
        f = f * x[i]
    return f


def measure_one(label, x, c_function, jax_f, torch_f, casadi_f, small):
    """x is one point, or rows of points; `casadi_f(casadi, symbol)` is the function as scalar code."""
    report = Report("W7", label)
    rows = np.atleast_2d(x)

    def by_c():
        out = np.zeros(x.size)
        return bench_c(c_function(), x, out, len(x)), checksum(out)

    def casadi_function():
        import casadi as ca

        q = ca.SX.sym("q", rows.shape[1])
        return ca.Function("gradient", [q], [ca.densify(ca.gradient(casadi_f(ca, q), q))], {"cse": True})

    def vm():
        function = casadi_function()
        function = function.map(len(rows)) if x.ndim == 2 else function
        return casadi_vm(function, [x.ravel().copy()], [np.zeros(x.size)])

    def by_jax():
        gradient = jax().grad(jax_f)
        return bench_jax(jax().vmap(gradient) if x.ndim == 2 else gradient, (x,))

    def by_torch():
        module = torch()
        at = module.from_numpy(x.copy()).requires_grad_(True)
        call = lambda: module.autograd.grad(torch_f(module, at).sum(), at)[0]  # noqa: E731
        return bench(call), checksum(call().numpy())

    report("c_hand", "gradient", by_c)
    report("casadi_vm", "gradient", vm)
    if small:
        report("casadi_c", "gradient", lambda: casadi_c(casadi_function(), rows.copy()))
    report("jax", "gradient", by_jax)
    report("torch", "gradient", by_torch)


def measure():
    for case in cases("rosenbrock"):
        n = case["size"]

        def vectors(x):
            return 100 * (x[1:] - x[:-1] * x[:-1]) ** 2 + (1 - x[:-1]) ** 2

        measure_one(
            case["n"], 1 + 0.1 * uni(700, n), lambda: compiled("scalar.c", "-DJOINTS=6").rosenbrock,
            lambda x: vectors(x).sum(), lambda _, x: vectors(x), lambda ca, x: ca.sum1(vectors(x)), n <= 1000,
        )
    for case in cases("speelpenning"):
        n = case["size"]
        measure_one(
            case["n"], 1 + 0.01 * uni(701, n), lambda: compiled("scalar.c", "-DJOINTS=6").speelpenning,
            lambda x: jax().numpy.prod(x), lambda m, x: m.prod(x), lambda ca, x: product(x), n <= 1000,
        )
    for case in cases("arm"):
        joints, batch = case["joints"], case["batch"]

        def c_function():
            library = compiled("scalar.c", f"-DJOINTS={joints}")
            return library.arms if batch else library.arm

        measure_one(
            case["n"], uni(703, (batch, joints)) if batch else uni(702, joints), c_function,
            lambda q: arm([q[i] for i in range(joints)], jax().numpy.cos, jax().numpy.sin),
            lambda m, q: arm([q[..., i] for i in range(joints)], m.cos, m.sin),
            lambda ca, q: arm([q[i] for i in range(joints)], ca.cos, ca.sin), True,
        )
