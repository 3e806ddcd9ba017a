"""W3: whole Jacobians, f64.

softmax_V             J[i,j,k] of softmax(V x + b) with respect to V, dense; V = uni(200, (n,n)) / sqrt(n),
                      x = uni(201, n), b = uni(202, n)
softmax_V_compressed  the same as its factors; the checksum is that of the dense tensor
mlp_x                 dz/dx of z = v2 relu(v1 relu(v0 x + b0) + b1) + b2; v_l[out, in] = uni(210 + 2l) / sqrt(in),
                      b_l = 0.1 uni(211 + 2l), x = uni(220, in)
mlp_x_batchN          the same for N rows x = uni(221, (N, in))
"""

from common import Report, aligned, bench, bench_c, bench_jax, cases, checksum, compiled, jax, np, torch, uni


def softmax(case):
    n = case["n"]
    report = Report("W3", n)
    v, x, b = arguments = uni(200, (n, n)) / np.sqrt(n), uni(201, n), uni(202, n)

    def c_dense():
        out = aligned(n**3)
        timing = bench_c(compiled("softmax.c").dense, *arguments, out, n)
        return timing, checksum(out), dict(gbs=8e-9 * n**3 / timing.seconds())

    def c_factors():
        out = np.empty((n, n))
        timing = bench_c(compiled("softmax.c").factors, *arguments, out, n)
        return timing, checksum(out[:, :, None] * x)

    report("c_hand", "softmax_V", c_dense)
    report("c_hand", "softmax_V_compressed", c_factors)

    def numpy_hand():
        out = np.empty((n, n, n))

        def call():
            z = v @ x + b
            e = np.exp(z - z.max())
            y = e / e.sum()
            np.multiply((np.diag(y) - np.outer(y, y))[:, :, None], x, out=out)

        return bench(call), checksum(out)

    report("numpy_hand", "softmax_V", numpy_hand)

    def by_jax(mode):
        module = jax()
        return bench_jax(getattr(module, mode)(lambda v, x, b: module.nn.softmax(v @ x + b)), arguments)

    report("jax_jacrev", "softmax_V", lambda: by_jax("jacrev"))
    if n <= 64:
        report("jax_jacfwd", "softmax_V", lambda: by_jax("jacfwd"))

    def by_torch():
        module = torch()
        placed = [module.from_numpy(a) for a in arguments]
        call = module.func.jacrev(lambda v, x, b: module.softmax(v @ x + b, 0))
        return bench(lambda: call(*placed)), checksum(call(*placed).numpy())

    if n <= 256:
        report("torch_jacrev", "softmax_V", by_torch)


def network(act, p, x):
    for l in range(0, len(p), 2):
        x = p[l] @ x + p[l + 1]
        x = act(x) if l + 2 < len(p) else x
    return x


def numpy_jacobian(case, p, x):
    """From the output back, which is the cheap order where the output is not larger than the input; x[rows, in]."""
    a, slopes = x, []
    for l in range(0, len(p) - 2, 2):
        a = a @ p[l].T + p[l + 1]
        if case["activation"] == "tanh":
            a = np.tanh(a)
            slopes.append(1 - a * a)
        else:
            slopes.append(a > 0)
            a = np.maximum(a, 0)
    rows, out = len(x), len(p[-2])
    j = np.broadcast_to(p[-2], (rows, *p[-2].shape))
    for l, slope in zip(range(len(p) - 4, -2, -2), reversed(slopes)):
        j = ((j * slope[:, None, :]).reshape(rows * out, -1) @ p[l]).reshape(rows, out, -1)
    return j


def mlp(case):
    report = Report("W3", case["n"])
    dims = case["dims"]
    p = []
    for l, (i, o) in enumerate(zip(dims, dims[1:])):
        p += [uni(210 + 2 * l, (o, i)) / np.sqrt(i), uni(211 + 2 * l, o) * 0.1]
    points = {"mlp_x": uni(220, (1, dims[0]))}
    if case["batch"]:
        points[f"mlp_x_batch{case['batch']}"] = uni(221, (case["batch"], dims[0]))
    for metric, x in points.items():
        single = metric == "mlp_x"

        def numpy_hand():
            call = lambda: numpy_jacobian(case, p, x)  # noqa: E731
            return bench(call), checksum(call())

        report("numpy_hand", metric, numpy_hand)

        def by_jax(mode):
            module = jax()
            tanh = case["activation"] == "tanh"
            act = module.numpy.tanh if tanh else lambda a: module.numpy.maximum(a, 0.0)
            jacobian = getattr(module, mode)(lambda p, x: network(act, p, x), 1)
            function = jacobian if single else module.vmap(jacobian, (None, 0))
            return bench_jax(function, (p, x[0] if single else x))

        report("jax_jacrev", metric, lambda: by_jax("jacrev"))
        report("jax_jacfwd", metric, lambda: by_jax("jacfwd"))

        def by_torch():
            module = torch()
            placed = [module.from_numpy(q) for q in p]
            act = module.tanh if case["activation"] == "tanh" else module.relu
            jacobian = module.func.jacrev(lambda x: network(act, placed, x))
            function = jacobian if single else module.func.vmap(jacobian)
            at = module.from_numpy(x[0] if single else x)
            return bench(lambda: function(at)), checksum(function(at).numpy())

        report("torch_jacrev", metric, by_torch)


def measure():
    for case in cases("softmax"):
        softmax(case)
    for case in cases("mlp_jacobian"):
        mlp(case)
