"""What we aim at: ratios within one run, each of our time to the best of some systems. Ratio below 1: ours is faster."""

from dataclasses import dataclass

C = ("c_hand",)
JAX = ("jax", "jax_jacrev", "jax_jacfwd", "jax_hessian")
TORCH = ("torch", "torch_compile", "torch_vmap", "torch_jacrev", "torch_hessian", "torch_autograd")


@dataclass(frozen=True)
class Goal:
    """`ours(metric) / best of systems(against or metric)` at most `most`, for all sizes or those called `sizes`.

    Without systems the other side is our own `against`, or 1 where there is none: an absolute value.
    """

    workload: str
    name: str
    metric: str
    most: float
    systems: tuple = ()
    against: str = ""
    sizes: str = ""
    field: str = "seconds_min"

    def fits(self, n):
        return not self.sizes or str(n) == self.sizes


GOALS = [
    Goal("W1", "homework, everything, to C", "grad_jac", 1.5, ("c_hand", "casadi_c")),
    Goal("W1", "homework, gradients, to C", "grad", 1.5, ("c_hand", "casadi_c")),
    Goal("W1", "homework, everything, to JAX", "grad_jac", 1 / 500, JAX),
    Goal("W1", "homework, text to first numbers", "text_to_numbers", 0.005),
    Goal("W2", "training step, to NumPy and BLAS", "train_step_f32", 0.95, ("numpy_hand",)),
    Goal("W2", "training step, to JAX and PyTorch", "train_step_f32", 0.85, JAX + TORCH),
    Goal("W3", "softmax by V, dense, to C", "softmax_V", 1.15, C),
    Goal("W3", "softmax by V, dense, to JAX", "softmax_V", 1 / 10, JAX, sizes="256"),
    Goal("W3", "softmax by V, dense, to JAX", "softmax_V", 1 / 10, JAX, sizes="512"),
    Goal("W3", "softmax by V, compressed, to JAX", "softmax_V_compressed", 1 / 1000, JAX, "softmax_V", "256"),
    Goal("W3", "network by x, to JAX", "mlp_x", 0.7, JAX),
    Goal("W3", "network by x, 64 rows, to JAX", "mlp_x_batch64", 0.7, JAX),
    Goal("W4", "logistic regression, to syrk", "logreg", 1.1, ("blas_syrk",)),
    Goal("W4", "factorisation, dense, to JAX", "matfac", 1 / 100, JAX, sizes="100"),
    Goal("W4", "factorisation, compressed, to JAX", "matfac_compressed", 1e-4, JAX, "matfac", "200"),
    Goal("W4", "ten layers, dense, to JAX", "nn", 1 / 6, JAX, sizes="64"),
    Goal("W4", "ten layers, compressed, to JAX", "nn_compressed", 1 / 500, JAX, "nn", "64"),
    Goal("W5", "mixture, gradient, to C", "gmm_gradient", 1.25, C),
    Goal("W5", "mixture, gradient to objective", "gmm_gradient", 2, (), "gmm_objective"),
    Goal("W5", "LSTM, gradient, to C", "lstm_gradient", 1.25, C),
    Goal("W5", "LSTM, gradient to objective", "lstm_gradient", 4, (), "lstm_objective"),
    Goal("W5", "bundle adjustment, to C", "ba_jacobian", 0.7, C),
    Goal("W5", "bundle adjustment, to CasADi's C", "ba_jacobian", 1 / 1.8, ("casadi_c",)),
    Goal("W6", "scalar graph, build and gradient, to CasADi", "build_and_gradient", 1 / 3, ("casadi_sx",), sizes="100000"),
    Goal("W6", "scalar graph, memory, to CasADi", "build_and_gradient", 1, ("casadi_sx",), sizes="100000", field="peak_mb"),
    Goal("W6", "scalar graph, sparse Hessian, to CasADi", "hessian", 1 / 5, ("casadi_sx",), sizes="100000"),
    Goal("W6", "rolled, build and gradient", "build_and_gradient", 0.001, sizes="100000 vectorised"),
    Goal("W7", "Rosenbrock, to C", "gradient", 2, C, sizes="rosenbrock_1000"),
    Goal("W7", "Rosenbrock, to CasADi's C", "gradient", 1 / 8, ("casadi_c",), sizes="rosenbrock_1000"),
    Goal("W7", "robot arm, to CasADi's C", "gradient", 1.3, ("casadi_c",), sizes="arm_6"),
    Goal("W7", "4096 robot arms, to C", "gradient", 1.6, C, sizes="arm_batch4096_6"),
]
