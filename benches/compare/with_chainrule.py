"""chainrule: `derive` gives the formula, `eval` its value at the points; the printed NumPy text is run as well."""

import ast
import json
import os
import shlex
import subprocess

import numpy as np

NAME = "chainrule"
KIND = "formula"
PREAMBLE = "chainrule derive -e 'var x : real[n]; ...; EXPR', then chainrule eval -e ... --set 'x = [...]' at each point"
COMMAND = shlex.split(os.environ.get("CHAINRULE", "cargo run --release --quiet --"))

NET = "def z = V2 @ relu(V1 @ x + b1) + b2; def l = 1/2 * sum(i, (z[i] - t[i])^2) || "
ATTEMPTS = {
    "quadratic": [("", "d(1/2 * sum(j, (z[j] - t[j])^2))/dz[i]")],
    "label": [("", "d(log(sum(j, exp(z[j]))) - z[y])/dz[i]")],
    "relu": [("", "d(relu(x[i]))/dx[j]")],
    "affine_xb": [("", "d(V @ x + b)/dx ;; d(V @ x + b)/db")],
    "affine_V": [("", "d(sum(j, V[i,j]*x[j]) + b[i])/dV[a,c]"), ("", "d(V @ x + b)/dV")],
    "net_V1": [("", NET + "dl/dV1")],
    "net_V2": [("", NET + "dl/dV2")],
    "least_squares": [("", "d(1/2 * sum((X @ w - t)^2))/dw")],
    "ridge": [("", "d(1/2 * sum((X @ w - t)^2) + lam/2 * sum(w^2))/dw")],
    "logistic": [("", "d(sum(log(1 + exp(-sign .* (X @ w)))))/dw")],
    "softmax_regression": [("", "d(sum(s, log(sum(j, exp(sum(a, W[j,a]*X[s,a])))) - sum(a, W[y[s],a]*X[s,a])))/dW")],
    "hinge": [("", "d(sum(max(0, 1 - sign .* (X @ w))))/dw")],
    "gaussian_mean": [("", "d(1/2*logdet(P) - 1/2*(x - mu) @ P @ (x - mu))/dmu")],
    "gaussian_precision": [("", "d(1/2*logdet(P) - 1/2*(x - mu) @ P @ (x - mu))/dP")],
    "huber": [("", "d(sum(i, r[i]^2/2 if abs(r[i]) <= delta else delta*(abs(r[i]) - delta/2)))/dr")],
    "kl": [("", "d(sum(i, p[i]*log(p[i]/q[i])))/dp")],
    "factorisation": [("", "d(1/2 * sum((U @ W' - M) .^ 2, axis=all))/dU")],
    "layer_norm": [("", "d((x - mean(x)) / sqrt(var(x) + 0.00001))/dx")],
    "attention": [("", "d(sum(G .* (softmax(s * (Q @ K')) @ W), axis=all))/dQ")],
    "trace": [("", "d(trace(A @ X @ B))/dX")],
    "logdet": [("", "d(logdet(X))/dX")],
    "trace_inverse": [("", "d(trace(inv(X) @ A))/dX")],
    "quadratic_form": [("", "d(x @ A @ x)/dx")],
    "hessian_lse": [("", "d(d(log(sum(k, exp(z[k]))))/dz)/dz")],
    "hessian_quadratic": [("", "d(d(x @ A @ x)/dx)/dx")],
    "kinks": [("", "d(relu(x))/dx ;; d(abs(x))/dx ;; d(max(x, w))/dx")],
    "overflow": [("", "d(log(sum(j, exp(z[j]))))/dz")],
    "trap": [("", "d(exp(-1/x) if x > 0 else 0)/dx")],
    "capture": [("", "d(1/2 * sum(i, (z[i] - t[i])^2))/dz[i]")],
    "judge": [("", "claim d(log(sum(j, exp(z[j]))) - z[y])/dz[i] = exp(z[i]) / sum(j, exp(z[j])) - delta(i, y)"
                   " ;; claim d(log(sum(j, exp(z[j]))) - z[y])/dz[i] = exp(z[i]) / log(sum(j, exp(z[j]))) - delta(i, y)")],
}
def version():
    return tool("--version").stdout.strip()


def tool(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def declarations(case):
    lines = []
    for name, dims in case.arrays.items():
        extents = f"[{', '.join(dims)}]" if dims else ""
        kind = f"index[{case.labels[name]}]" if name in case.labels else "real"
        lines.append(f"{'const' if name in case.labels else 'var'} {name} : {kind}{extents}; ")
    return "".join(lines)


def split(code):
    """Definitions, and the formulas that are asked."""
    definitions, _, asked = code.rpartition(" || ")
    return definitions, asked.split(" ;; ")


def spoken(case, code, label):
    definitions, asked = split(code)
    verb = "check" if case.kind == "judge" else "derive"
    return f"chainrule {verb} -e '{declarations(case)}{definitions}' " + " ".join(f'"{e}"' for e in asked)


def fail(answer):
    raise RuntimeError(" ".join((answer.stderr or answer.stdout).split())[:400])


def ask(case, code, label):
    """The text of the answer, and for each point the values of all parts."""
    definitions, asked = split(code)
    declared = declarations(case) + definitions
    if case.kind == "judge":
        verdicts, texts = [], []
        for claim in asked:
            answer = tool("check", "-e", declared + claim, "--format", "json")
            if not answer.stdout:
                fail(answer)
            result = json.loads(answer.stdout)["results"][0]
            texts.append(tool("check", "-e", declared + claim).stdout)
            verdicts.append(result["verdict"])
        return "\n".join(texts), [v in ("proved", "right", "correct") for v in verdicts]
    answer = tool("derive", "-e", declared, *asked, "--format", "json")
    if answer.returncode not in (0, 2) or not answer.stdout:
        fail(answer)
    records = json.loads(answer.stdout)
    records = records if isinstance(records, list) else [records]
    lines = []
    for record in records:
        lines.append(record["index"])
        if record["vectorised"]:
            lines.append("= " + record["vectorised"])
        for kink in record["kinks"]:
            lines.append(f"at {kink['where']}: {kink['convention']}, also right {kink['interval']}")
    if answer.stderr:
        lines.append(answer.stderr.strip())
    values = []
    for sizes, data in case.data():
        given = [part for name, array in data.items()
                 for part in ("--set", f"{name} = {json.dumps(array.tolist())}")]
        told = tool("eval", "-e", declared, *asked, *given, "--format", "json")
        if told.returncode or not told.stdout:
            fail(told)
        found = json.loads(told.stdout)
        found = found if isinstance(found, list) else [found]
        parts = [np.array([float(v) for v in np.ravel(f["value"])]).reshape(f["shape"]) for f in found]
        for record, part in zip(records, parts):
            same_as_printed(record["numpy"], sizes | data, part)
        values.append(parts)
    return "\n".join(lines), values


def same_as_printed(text, data, value):
    """The NumPy text of the answer is an answer too: it has to give the same numbers."""
    if text is None:
        return
    scope = {"np": np, **{n: a[()] if isinstance(a, np.ndarray) else a for n, a in data.items()}}
    tree = ast.parse("\n".join(line.strip() for line in text.splitlines()))
    # Some texts end in the statement that fills the answer, so the name it fills is the answer.
    if not isinstance(tree.body[-1], ast.Expr):
        target = tree.body[-1].target if isinstance(tree.body[-1], ast.AugAssign) else tree.body[-1].targets[0]
        name = target.value if isinstance(target, ast.Subscript) else target
        tree.body.append(ast.Expr(ast.Name(name.id, ast.Load())))
        ast.fix_missing_locations(tree)
    last = ast.Expression(tree.body.pop().value)
    with np.errstate(all="ignore"):
        exec(compile(tree, "printed", "exec"), scope)  # noqa: S102 - text of our own tool
        printed = np.asarray(eval(compile(last, "printed", "eval"), scope), dtype=float)  # noqa: S307
    if not np.allclose(np.broadcast_to(printed, value.shape), value, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise RuntimeError(f"the printed NumPy text gives {printed.tolist()}, eval gives {value.tolist()}: {text}")
