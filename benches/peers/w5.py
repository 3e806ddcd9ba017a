"""W5: the problems of the public ADBench suite by their definitions, on generated data, f64.

gmm   err(alpha[K], mu[K,d], icf[K,d(d+1)/2]; x[N,d]) = -N d/2 log(2 pi)
      + sum_i logsumexp_k(alpha_k + sum_(j<d) icf_kj - 1/2 ||Q_k (x_i - mu_k)||^2) - N logsumexp(alpha)
      + sum_k 1/2 (sum_(j<d) exp(icf_kj)^2 + sum_(j>=d) icf_kj^2) - K (C - logGamma_d((d+1)/2));
      Q_k is lower triangular, its diagonal exp(icf_k[0..d]), below it icf_k[d..] column by column;
      C = (d+1) d log(1/sqrt 2), logGamma_d(a) = d(d-1)/4 log(pi) + sum_(j<d) logGamma(a - j/2).
      x = uni(500), alpha = uni(501), mu = uni(502), icf = uni(503)/2. Gradients of alpha, mu, icf
ba    for each observation a camera (rot 3, C 3, f, x0 2, rad 2), a point X, a weight w, a feature m:
      r = w (f L(p) p + x0 - m), p = (R(rot)(X - C))_{0,1} / (..)_2, L = 1 + rad0 |p|^2 + rad1 |p|^4; e = 1 - w^2.
      objective: r[P,2], e[P]. jacobian: for each observation the block 2 x 15 (camera 11, X 3, w), then de/dw[P].
      camera = (.1,-.2,.3, .5,-.4,-6, 400, 5,-8, .05,.003) + uni(510)/100, X = uni(511), w = uni(512, low=1/2),
      m = 300 uni(513), indices ints(514), ints(515)
lstm  layers of b units over c characters: gates (x,h,x,h) * weight + bias; forget, in, out by sigmoid, change by tanh;
      cell = cell forget + in change, h = out tanh(cell); input x extra0, output z = h extra1 + extra2;
      loss = -sum_t <s[t+1], z_t - log(2 + sum exp z_t)> / ((c-1) b).
      main[2l,4b] = uni(520, low=0), rows weight, bias for each layer; extra = uni(521, low=0); state = uni(522, low=0),
      rows h, cell; s[t,u] = 1 where uni(523) >= 0. Gradients of main, extra

Of an objective the checksum is the value itself.
"""

import math

from common import Report, bench, bench_c, bench_jax, cases, casadi_c, casadi_vm, checksum, compiled, ctypes, ints, jax, np, torch, uni


def objective_and_gradient(report, problem, system, body):
    """`body(False)` measures the value, `body(True)` value and gradient in one call."""
    report(system, f"{problem}_objective", lambda: body(False))
    report(system, f"{problem}_gradient", lambda: body(True))


def by_c(library, gradient, arguments, count):
    out = np.zeros(1 + (count if gradient else 0))
    timing = bench_c(library.gradient if gradient else library.objective, *arguments, out)
    return timing, checksum(out[1:]) if gradient else float(out[0])


def by_jax(f, gradient, arguments, parameters):
    if gradient:
        return bench_jax(jax().value_and_grad(f, tuple(range(parameters))), arguments, lambda r: r[1])
    timing, _, extra = bench_jax(f, arguments)
    return timing, float(f(*arguments)), extra


def by_torch(f, gradient, parameters, count=None):
    module = torch()
    placed = [module.from_numpy(p.copy()).requires_grad_(gradient) for p in parameters]
    if not gradient:
        return bench(lambda: f(*placed), count), float(f(*placed))
    call = lambda: module.autograd.grad(f(*placed), placed)  # noqa: E731
    return bench(call, count), checksum(*(g.numpy() for g in call()))


# ---------------------------------------------------------------- Gaussian mixture


def gmm(case):
    d, K, N = case["d"], case["K"], case["N"]
    report = Report("W5", case["n"])
    below = d * (d - 1) // 2
    x, alpha, mu, icf = uni(500, (N, d)), uni(501, K), uni(502, (K, d)), uni(503, (K, d + below)) * 0.5
    log_gamma = d * (d - 1) / 4.0 * math.log(math.pi) + sum(math.lgamma(0.5 * (d + 1) - 0.5 * j) for j in range(d))
    constant = -N * d * 0.5 * math.log(2 * math.pi) - K * ((d + 1) * d * math.log(1 / math.sqrt(2)) - log_gamma)
    columns, rows = np.triu_indices(d, 1)
    diagonal = np.arange(d)

    arguments = d, K, N, alpha, mu, icf, x, ctypes.c_double(constant)
    size = alpha.size + mu.size + icf.size
    objective_and_gradient(report, "gmm", "c_hand", lambda g: by_c(compiled("gmm.c"), g, arguments, size))

    def by_numpy(gradient):
        e = np.exp(icf[:, :d])
        q = np.zeros((K, d, d))
        q[:, rows, columns] = icf[:, d:]
        q[:, diagonal, diagonal] = e
        centred = x[None] - mu[:, None]
        qx = centred @ q.transpose(0, 2, 1)
        inner = (alpha + icf[:, :d].sum(1))[:, None] - 0.5 * np.einsum("knd,knd->kn", qx, qx)
        top = inner.max(0)
        p = np.exp(inner - top)
        s = p.sum(0)
        greatest = alpha.max()
        pa = np.exp(alpha - greatest)
        sa = pa.sum()
        if not gradient:
            squares = 0.5 * ((e**2).sum() + (icf[:, d:] ** 2).sum())
            return constant + (np.log(s) + top).sum() - N * (np.log(sa) + greatest) + squares
        p /= s
        share = p.sum(1)
        weighted = qx * p[:, :, None]
        gq = -weighted.transpose(0, 2, 1) @ centred
        gicf = np.empty_like(icf)
        gicf[:, :d] = share[:, None] + gq[:, diagonal, diagonal] * e + e**2
        gicf[:, d:] = gq[:, rows, columns] + icf[:, d:]
        return share - N * pa / sa, np.einsum("knd,kde->ke", weighted, q), gicf

    def numpy_hand(gradient):
        result = by_numpy(gradient)
        return bench(lambda: by_numpy(gradient)), checksum(*result) if gradient else float(result)

    objective_and_gradient(report, "gmm", "numpy_hand", numpy_hand)

    def in_jax(alpha, mu, icf, x):
        import jax
        from jax import numpy as jnp

        e = jnp.exp(icf[:, :d])
        lower = jnp.zeros((K, d, d)).at[:, rows, columns].set(icf[:, d:])
        centred = x[None] - mu[:, None]
        qx = e[:, None, :] * centred + jnp.einsum("kij,knj->kni", lower, centred)
        inner = (alpha + icf[:, :d].sum(1))[:, None] - 0.5 * (qx**2).sum(2)
        squares = 0.5 * ((e**2).sum() + (icf[:, d:] ** 2).sum())
        logsumexp = jax.nn.logsumexp
        return constant + logsumexp(inner, axis=0).sum() - N * logsumexp(alpha) + squares

    objective_and_gradient(report, "gmm", "jax", lambda g: by_jax(in_jax, g, (alpha, mu, icf, x), 3))

    def in_torch(gradient):
        module = torch()
        points, r, c = (module.from_numpy(a) for a in (x, rows, columns))
        every = module.arange(K)[:, None]

        def f(alpha, mu, icf):
            e = module.exp(icf[:, :d])
            lower = module.zeros((K, d, d), dtype=module.float64).index_put((every, r, c), icf[:, d:])
            centred = points[None] - mu[:, None]
            qx = e[:, None, :] * centred + centred @ lower.transpose(1, 2)
            inner = (alpha + icf[:, :d].sum(1))[:, None] - 0.5 * (qx**2).sum(2)
            squares = 0.5 * ((e**2).sum() + (icf[:, d:] ** 2).sum())
            return constant + module.logsumexp(inner, 0).sum() - N * module.logsumexp(alpha, 0) + squares

        return by_torch(f, gradient, (alpha, mu, icf))

    objective_and_gradient(report, "gmm", "torch", in_torch)


# ---------------------------------------------------------------- bundle adjustment

CAMERA = np.array([0.1, -0.2, 0.3, 0.5, -0.4, -6.0, 400, 5, -8, 0.05, 0.003])


def residual(z, m, norm, cos, sin, cross, dot):
    """r of one observation; z is camera 11, point 3, weight."""
    theta = norm(z[:3])
    k, v = z[:3] / theta, z[11:14] - z[3:6]
    y = v * cos(theta) + cross(k, v) * sin(theta) + k * dot(k, v) * (1 - cos(theta))
    p = y[:2] / y[2]
    square = dot(p, p)
    return z[14] * (z[6] * (1 + z[9] * square + z[10] * square * square) * p + z[7:9] - m)


def ba(case):
    n, m, count = case["cameras"], case["points"], case["observations"]
    report = Report("W5", case["n"])
    cameras, points = CAMERA + 0.01 * uni(510, (n, 11)), uni(511, (m, 3))
    w, features = uni(512, count, 0.5, 1.0), 300 * uni(513, (count, 2))
    camera, point = ints(514, count, n), ints(515, count, m)
    arguments = cameras, points, w, features, camera, point
    metrics = (("ba_objective", False), ("ba_jacobian", True))

    def in_c(jacobian):
        library = compiled("ba.c")
        out = np.zeros(count * (31 if jacobian else 3))
        return bench_c(library.jacobian if jacobian else library.objective, count, *arguments, out), checksum(out)

    def in_jax(jacobian, mode="jacrev"):
        module = jax()
        jnp = module.numpy

        def r(z, m):
            return residual(z, m, lambda a: jnp.sqrt(a @ a), jnp.cos, jnp.sin, jnp.cross, jnp.dot)

        def f(cameras, points, w, features, camera, point):
            z = jnp.concatenate([cameras[camera], points[point], w[:, None]], 1)
            if jacobian:
                return module.vmap(getattr(module, mode)(r))(z, features), -2 * w
            return module.vmap(r)(z, features), 1 - w * w

        return bench_jax(f, arguments)

    def in_torch(jacobian):
        module = torch()
        placed = [module.from_numpy(a) for a in arguments]
        dot = lambda a, b: (a * b).sum()  # noqa: E731

        def r(z, m):
            norm = lambda a: module.sqrt(dot(a, a))  # noqa: E731
            return residual(z, m, norm, module.cos, module.sin, module.linalg.cross, dot)

        function = module.func.vmap(module.func.jacrev(r) if jacobian else r)

        def call():
            cameras, points, w, features, camera, point = placed
            z = module.cat([cameras[camera], points[point], w[:, None]], 1)
            return function(z, features), -2 * w if jacobian else 1 - w * w

        return bench(call), checksum(*(a.numpy() for a in call()))

    def casadi_function(jacobian):
        import casadi as ca

        z, feature = ca.SX.sym("z", 15), ca.SX.sym("m", 2)
        r = residual(z, feature, ca.norm_2, ca.cos, ca.sin, ca.cross, ca.dot)
        block = ca.densify(ca.jacobian(r, z)) if jacobian else r
        last = -2 * z[14] if jacobian else 1 - z[14] * z[14]
        return ca.Function("observation", [ca.vertcat(z, feature)], [ca.reshape(block.T, -1, 1), last], {"cse": True})

    # CasADi has no gather: it is given the gathered rows.
    gathered = np.ascontiguousarray(np.concatenate([cameras[camera], points[point], w[:, None], features], 1))

    def vm(jacobian):
        function = casadi_function(jacobian).map(count)
        return casadi_vm(function, [gathered], [np.zeros(function.nnz_out(0)), np.zeros(count)])

    for metric, jacobian in metrics:
        report("c_hand", metric, lambda: in_c(jacobian))
        report("jax", metric, lambda: in_jax(jacobian))
        if jacobian:
            report("jax_jacfwd", metric, lambda: in_jax(True, "jacfwd"))
        report("torch_vmap", metric, lambda: in_torch(jacobian))
        report("casadi_vm", metric, lambda: vm(jacobian))
        report("casadi_c", metric, lambda: casadi_c(casadi_function(jacobian), gathered))


# ---------------------------------------------------------------- LSTM


def lstm(case):
    l, b, c = case["layers"], case["units"], case["characters"]
    report = Report("W5", case["n"])
    main, extra, state = uni(520, (2 * l, 4 * b), 0), uni(521, (3, b), 0), uni(522, (2 * l, b), 0)
    sequence = (uni(523, (c, b)) >= 0).astype(np.float64)
    arguments = l, b, c, main, extra, state, sequence
    size = main.size + extra.size
    objective_and_gradient(report, "lstm", "c_hand", lambda g: by_c(compiled("lstm.c"), g, arguments, size))

    def in_jax(main, extra, state, sequence):
        import jax
        from jax import numpy as jnp

        sigmoid = jax.nn.sigmoid

        def step(state, now):
            x, gold = now
            a, after = x * extra[0], []
            for k in range(l):
                h, cell = state[2 * k], state[2 * k + 1]
                g = jnp.concatenate([a, h, a, h]) * main[2 * k] + main[2 * k + 1]
                cell = cell * sigmoid(g[:b]) + sigmoid(g[b : 2 * b]) * jnp.tanh(g[3 * b :])
                a = sigmoid(g[2 * b : 3 * b]) * jnp.tanh(cell)
                after += [a, cell]
            z = a * extra[1] + extra[2]
            return jnp.stack(after), gold @ (z - jnp.log(2 + jnp.exp(z).sum()))

        _, terms = jax.lax.scan(step, state, (sequence[:-1], sequence[1:]))
        return -terms.sum() / ((c - 1) * b)

    objective_and_gradient(report, "lstm", "jax", lambda g: by_jax(in_jax, g, (main, extra, state, sequence), 2))

    def in_torch(gradient):
        module = torch()
        start, s = module.from_numpy(state), module.from_numpy(sequence)

        def f(main, extra):
            states, total = list(start), 0.0
            for t in range(c - 1):
                a = s[t] * extra[0]
                for k in range(l):
                    h, cell = states[2 * k], states[2 * k + 1]
                    g = module.cat((a, h, a, h)) * main[2 * k] + main[2 * k + 1]
                    gates = module.sigmoid(g[: 3 * b])
                    cell = cell * gates[:b] + gates[b : 2 * b] * module.tanh(g[3 * b :])
                    a = gates[2 * b :] * module.tanh(cell)
                    states[2 * k], states[2 * k + 1] = a, cell
                z = a * extra[1] + extra[2]
                total = total + s[t + 1] @ (z - module.log(2 + module.exp(z).sum()))
            return -total / ((c - 1) * b)

        return by_torch(f, gradient, (main, extra), 3)

    objective_and_gradient(report, "lstm", "torch", in_torch)


def measure():
    for problem, body in (("gmm", gmm), ("ba", ba), ("lstm", lstm)):
        for case in cases(problem):
            body(case)
