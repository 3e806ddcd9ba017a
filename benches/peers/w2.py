"""W2: a training step of a network with cross entropy, f32.

`z = relu(.. relu(X v0' + b0) ..) vL' + bL`, `loss = mean over rows of logsumexp(z) - z_y`, then `v -= 0.01 gv`,
`b -= 0.01 gb`. One call is forward, backward and update; the system keeps the parameters.

X = uni(100, (batch, in)), y = ints(101, batch, classes), v_l[out, in] = uni(110 + 2l) / sqrt(in),
b_l = 0.1 uni(111 + 2l), in f64, then rounded. The checksum is that of v0 b0 v1 b1 .. after exactly 3 steps.
"""

from common import OPTIONS, Report, bench, cases, checksum, ints, jax, np, once, torch, uni

RATE = np.float32(0.01)


def make(case):
    batch, dims = case["batch"], case["dims"]
    parameters = []
    for l, (i, o) in enumerate(zip(dims, dims[1:])):
        parameters.append((uni(110 + 2 * l, (o, i)) / np.sqrt(i)).astype(np.float32))
        parameters.append((uni(111 + 2 * l, o) * 0.1).astype(np.float32))
    return uni(100, (batch, dims[0])).astype(np.float32), ints(101, batch, dims[-1]), parameters


class ByNumpy:
    """By hand: every buffer made once, BLAS for every product, updates in place."""

    def __init__(self, case, x, y, parameters):
        self.x, self.y, self.tanh = x, y, case["activation"] == "tanh"
        self.v = [p.copy() for p in parameters[0::2]]
        self.b = [p.copy() for p in parameters[1::2]]
        self.h = [np.empty((len(x), b.size), np.float32) for b in self.b]
        self.d = [np.empty_like(h) for h in self.h]
        self.gv = [np.empty_like(v) for v in self.v]
        self.mask = [np.empty(h.shape, bool) for h in self.h]
        self.rows, self.scale = np.arange(len(x)), np.float32(1.0 / len(x))

    def parameters(self):
        return [p for pair in zip(self.v, self.b) for p in pair]

    def step(self):
        last = len(self.v) - 1
        a = self.x
        for l, h in enumerate(self.h):
            np.dot(a, self.v[l].T, out=h)
            h += self.b[l]
            if l < last:
                np.tanh(h, out=h) if self.tanh else np.maximum(h, 0, out=h)
            a = h
        d = self.d[last]
        np.subtract(a, a.max(axis=1, keepdims=True), out=d)
        np.exp(d, out=d)
        d *= self.scale / d.sum(axis=1, keepdims=True)
        d[self.rows, self.y] -= self.scale
        for l in range(last, -1, -1):
            before, d = self.h[l - 1] if l else self.x, self.d[l]
            np.dot(d.T, before, out=self.gv[l])
            gb = d.sum(axis=0)
            if l:
                np.dot(d, self.v[l], out=self.d[l - 1])
                if self.tanh:
                    self.d[l - 1] *= 1 - before * before
                else:
                    np.greater(before, 0, out=self.mask[l - 1])
                    self.d[l - 1] *= self.mask[l - 1]
            self.gv[l] *= RATE
            self.v[l] -= self.gv[l]
            self.b[l] -= RATE * gb

    def products(self):
        """The matrix products of the step and nothing else: the limit of BLAS."""
        a = self.x
        for l, h in enumerate(self.h):
            np.dot(a, self.v[l].T, out=h)
            a = h
        for l in range(len(self.v) - 1, -1, -1):
            np.dot(self.d[l].T, self.h[l - 1] if l else self.x, out=self.gv[l])
            if l:
                np.dot(self.d[l], self.v[l], out=self.d[l - 1])


def by_jax(case, x, y, parameters, extra):
    module = jax()
    jnp = module.numpy
    act = jnp.tanh if case["activation"] == "tanh" else lambda a: jnp.maximum(a, 0)

    def loss(p, x, y):
        a = x
        for l in range(0, len(p), 2):
            a = a @ p[l].T + p[l + 1]
            a = act(a) if l + 2 < len(p) else a
        return jnp.mean(module.nn.logsumexp(a, axis=1) - jnp.take_along_axis(a, y[:, None], 1)[:, 0])

    def step(p, x, y):
        return [a - RATE * g for a, g in zip(p, module.grad(loss)(p, x, y))]

    # The old parameters are given away, so that the new ones may take their place.
    fast = module.jit(step, donate_argnums=0)
    data = jnp.asarray(x), jnp.asarray(y.astype(np.int32))
    seconds, state = once(lambda: module.block_until_ready(fast([jnp.array(p) for p in parameters], *data)))
    for _ in range(2):
        state = fast(state, *data)
    result, kept = checksum(*state), [state]

    def call():
        kept[0] = module.block_until_ready(fast(kept[0], *data))

    timing = bench(call)
    return timing, result, dict(compile_seconds=seconds, **extra(timing))


def by_torch(case, x, y, parameters, extra, compile):
    module = torch()
    functional = module.nn.functional
    p = [module.from_numpy(q.copy()).requires_grad_(True) for q in parameters]
    rows, labels = module.from_numpy(x), module.from_numpy(y)
    act = module.tanh if case["activation"] == "tanh" else module.relu

    def loss(p):
        a = rows
        for l in range(0, len(p), 2):
            a = functional.linear(a, p[l], p[l + 1])
            a = act(a) if l + 2 < len(p) else a
        return functional.cross_entropy(a, labels)

    loss = module.compile(loss) if compile else loss

    def step():
        gradients = module.autograd.grad(loss(p), p)
        with module.no_grad():
            module._foreach_add_(p, gradients, alpha=-float(RATE))

    seconds, _ = once(step)
    step()
    step()
    result = checksum(*(q.detach().numpy() for q in p))
    timing = bench(step)
    return timing, result, dict(compile_seconds=seconds, **extra(timing))


def measure():
    for case in cases("training_step"):
        report = Report("W2", case["n"])
        x, y, parameters = make(case)
        # The gradient of the input is not needed: the first layer has two products, the others three.
        flops = 2 * len(x) * sum(v.size * (3 if l else 2) for l, v in enumerate(parameters[0::2]))
        extra = lambda timing: dict(gflops=flops / timing.seconds() * 1e-9)  # noqa: E731

        def numpy_hand():
            system = ByNumpy(case, x, y, parameters)
            for _ in range(3):
                system.step()
            result = checksum(*system.parameters())
            timing = bench(system.step)
            return timing, result, extra(timing)

        report("numpy_hand", "train_step_f32", numpy_hand)

        def products():
            system = ByNumpy(case, x, y, parameters)
            system.step()
            for d in system.d:
                d.fill(1e-3)
            timing = bench(system.products)
            return timing, None, extra(timing)

        report("openblas_gemms_only", "train_step_f32", products)
        report("jax", "train_step_f32", lambda: by_jax(case, x, y, parameters, extra))
        report("torch", "train_step_f32", lambda: by_torch(case, x, y, parameters, extra, False))
        if not (OPTIONS.quick or OPTIONS.small) or "torch_compile" in OPTIONS.only:
            report("torch_compile", "train_step_f32", lambda: by_torch(case, x, y, parameters, extra, True))
