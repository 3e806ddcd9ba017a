"""W4: Hessians after Laue, Mitterreiter and Giesen (2018, 2020), f64.

logreg  f(w) = sum_i log(1 + exp(-y_i <X_i, w>)); X = uni(300, (2n, n)), y_i = 1 if u01(301)[i] < 1/2 else -1,
        w = uni(302, n) / sqrt(n)
matfac  f(U) = ||T - U V'||^2; T = uni(310, (n,n)), U = uni(311, (n,r)), V = uni(312, (n,r))
nn      f(V0) = logsumexp(z) - z_0, z = V_L relu(.. relu(V0 x)), square layers without bias;
        V_l = uni(320 + l, (n,n)) sqrt(6/n), x = uni(340, n). Hessian with respect to V0, n^4 entries

*_compressed is the same Hessian as its factors; the checksum is that of the dense tensor, made outside the timing.
"""

from common import OPTIONS, Report, bench, bench_jax, cases, checksum, jax, np, torch, u01, uni


def rivals(report, metric, n, arguments, objective, torch_up_to, autograd_up_to):
    """`objective(library, numpy_like)` makes the function whose Hessian is taken with respect to its first argument."""

    def by_jax():
        module = jax()
        return bench_jax(module.hessian(objective("jax", module.numpy)), arguments)

    report("jax_hessian", metric, by_jax)

    def by_torch(tape):
        module = torch()
        placed = [module.from_numpy(np.ascontiguousarray(a)) for a in arguments]
        function = objective("torch", module)
        if tape:
            hessian = module.autograd.functional.hessian
            call = lambda: hessian(lambda w: function(w, *placed[1:]), placed[0])  # noqa: E731
        else:
            fast = module.func.hessian(function)
            call = lambda: fast(*placed)  # noqa: E731
        return bench(call), checksum(call().numpy())

    if n <= torch_up_to:
        report("torch_hessian", metric, lambda: by_torch(False))
    if n <= min(torch_up_to, 50) and not OPTIONS.quick:
        report("torch_autograd", metric, lambda: by_torch(True))

    def by_autograd():
        import autograd
        import autograd.numpy as numpy

        call = autograd.hessian(objective("autograd", numpy))
        return bench(lambda: call(*arguments)), checksum(call(*arguments))

    if n <= autograd_up_to:
        report("autograd", metric, by_autograd)


def by_hand(report, system, metric, call, dense=lambda r: r):
    report(system, metric, lambda: (bench(call), checksum(dense(call()))))


def logreg(case):
    n = case["n"]
    report = Report("W4", n)
    x, w = uni(300, (2 * n, n)), uni(302, n) / np.sqrt(n)
    y = np.where(u01(301, 2 * n) < 0.5, 1.0, -1.0)

    def product():
        s = 1.0 / (1.0 + np.exp(y * (x @ w)))
        return x.T @ (x * (s * (1 - s))[:, None])

    def symmetric():
        """A symmetric update of rank 2n: half the operations, one triangle."""
        from scipy.linalg.blas import dsyrk

        s = 1.0 / (1.0 + np.exp(y * (x @ w)))
        return dsyrk(1.0, (x * np.sqrt(s * (1 - s))[:, None]).T, trans=0, lower=0)

    by_hand(report, "numpy_hand", "logreg", product)
    by_hand(report, "blas_syrk", "logreg", symmetric, lambda h: np.triu(h) + np.triu(h, 1).T)

    def objective(library, m):
        if library == "torch":
            return lambda w, x, y: m.nn.functional.softplus(-y * (x @ w)).sum()
        if library == "jax":
            return lambda w, x, y: m.sum(m.logaddexp(0.0, -y * (x @ w)))
        return lambda w, x, y: m.sum(m.log(1 + m.exp(-y * m.dot(x, w))))

    rivals(report, "logreg", n, (w, x, y), objective, 500, 50)


def matfac(case):
    n, rank = case["n"], case["rank"]
    report = Report("W4", n)
    t, u, v = uni(310, (n, n)), uni(311, (n, rank)), uni(312, (n, rank))
    out, rows = np.zeros((n, rank, n, rank)), np.arange(n)

    def dense():
        out.fill(0.0)
        out[rows, :, rows, :] = 2 * (v.T @ v)
        return out

    by_hand(report, "numpy_hand", "matfac_compressed", lambda: 2 * (v.T @ v), lambda r: np.einsum("ij,ab->iajb", np.eye(n), r))
    by_hand(report, "numpy_hand", "matfac", dense)

    def objective(library, m):
        return lambda u, t, v: m.sum((t - m.matmul(u, v.T)) ** 2)

    rivals(report, "matfac", n, (u, t, v), objective, 100, 50)


def nn(case):
    n, layers = case["n"], case["layers"]
    report = Report("W4", n if layers == 10 else f"{n}, {layers} layers")
    v = [uni(320 + l, (n, n)) * np.sqrt(6.0 / n) for l in range(layers)]
    x, rest = uni(340, n), np.stack(v[1:])

    def factor():
        """M[i,k] of H[i,j,k,l] = M[i,k] x[j] x[l]."""
        a, masks = v[0] @ x, []
        for l in range(1, layers):
            masks.append(a > 0)
            a = v[l] @ np.maximum(a, 0)
        e = np.exp(a - a.max())
        y = e / e.sum()
        j = v[-1] * masks[-1]
        for l in range(layers - 2, 0, -1):
            j = (j @ v[l]) * masks[l - 1]
        t = y @ j
        return j.T @ (y[:, None] * j) - np.outer(t, t)

    out = np.empty((n, n, n, n))

    def dense():
        np.multiply(factor()[:, None, :, None], np.outer(x, x)[None, :, None, :], out=out)
        return out

    by_hand(report, "numpy_hand", "nn_compressed", factor, lambda m: np.einsum("ik,j,l->ijkl", m, x, x))
    by_hand(report, "numpy_hand", "nn", dense)

    def objective(library, m):
        relu = m.relu if library == "torch" else lambda a: m.maximum(a, 0.0)
        if library == "jax":
            logsumexp = jax().nn.logsumexp
        elif library == "torch":
            logsumexp = lambda a: m.logsumexp(a, 0)  # noqa: E731
        else:
            logsumexp = lambda a: m.log(m.sum(m.exp(a)))  # noqa: E731

        def f(v0, rest, x):
            a = m.matmul(v0, x)
            for l in range(layers - 1):
                a = m.matmul(rest[l], relu(a))
            return logsumexp(a) - a[0]

        return f

    rivals(report, "nn", n, (v[0], rest, x), objective, 32, 16)


def measure():
    for problem, body in (("logreg", logreg), ("matfac", matfac), ("nn", nn)):
        for case in cases(problem):
            body(case)
