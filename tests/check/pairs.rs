//! A program, what is differentiated by what, right formulas and wrong ones.

use crate::{Question, Report, check};
use chainrule_core::derive::Derivation;
use chainrule_core::shape::Type;
use chainrule_core::{Graph, NodeId};

/// One derivative and claims about it.
pub(crate) struct Pairs {
    pub(crate) name: &'static str,
    /// Builds the program and answers with the function and the variable.
    pub(crate) program: fn(&mut Graph) -> (NodeId, NodeId),
    pub(crate) right: &'static [&'static str],
    pub(crate) wrong: &'static [&'static str],
}

impl Pairs {
    pub(crate) fn ask(&self, claim: &str) -> Report {
        let mut g = Graph::new();
        let (f, x) = (self.program)(&mut g);
        let derived = g.jacobian(f, x).unwrap();
        let claimed = g.form(claim, &[]).unwrap_or_else(|e| panic!("{}: {claim}: {e}", self.name));
        let program = self.program;
        let replay = move |g: &mut Graph, rules: &chainrule_core::ops::rules::Rules| {
            let (f, x) = program(g);
            Derivation { rules: Some(rules), ..Derivation::default() }.jacobian(g, f, x)
        };
        check(&mut g, &Question { replay: Some(&replay), ..Question::new(derived, claimed) })
    }
}

/// Inputs as `name: shape` in one line: `x[n] A[m,n] y:n`.
pub(crate) fn inputs(g: &mut Graph, text: &str) {
    for word in text.split_whitespace() {
        if let Some((name, rest)) = word.split_once(':') {
            let (below, shape) = rest.split_once('[').unwrap_or((rest, "]"));
            let shape: Vec<&str> = shape.trim_end_matches(']').split(',').filter(|s| !s.is_empty()).collect();
            g.input(name, Type::index(below, shape)).unwrap();
        } else {
            let (name, shape) = word.split_once('[').unwrap_or((word, "]"));
            let shape: Vec<&str> = shape.trim_end_matches(']').split(',').filter(|s| !s.is_empty()).collect();
            g.input(name, Type::real(shape)).unwrap();
        }
    }
}

/// A program in index notation over inputs.
pub(crate) fn program(g: &mut Graph, names: &str, f: &str, x: &str) -> (NodeId, NodeId) {
    inputs(g, names);
    (g.form(f, &[]).unwrap(), g.find(x).unwrap())
}

macro_rules! pairs {
    ($($name:literal: $inputs:literal, $f:literal, $x:literal; right: [$($right:literal),* $(,)?]; wrong: [$($wrong:literal),* $(,)?])*) => {
        pub(crate) const PAIRS: &[Pairs] = &[$(Pairs {
            name: $name,
            program: |g| program(g, $inputs, $f, $x),
            right: &[$($right),*],
            wrong: &[$($wrong),*],
        }),*];
    };
}

pairs! {
    "1.1 quadratic": "z[n] t[n]", "sum(i, (z[i] - t[i])^2)/2", "z";
        right: ["g[i] = z[i] - t[i]", "g[i] = -(t[i] - z[i])"];
        wrong: ["g[i] = t[i] - z[i]", "g[i] = 2*(z[i] - t[i])", "g[i] = z[i]", "g[i] = (z[i] - t[i])^2/2"]
    "1.1 hinge": "z[n] y:n", "log(sum(j, exp(z[j]))) - z[y]", "z";
        right: ["g[i] = exp(z[i])/sum(j, exp(z[j])) - delta(i,y)", "g[i] = exp(z[i] - log(sum(j, exp(z[j])))) - delta(i,y)", "g[i] = 1/sum(j, exp(z[j] - z[i])) - delta(y,i)"];
        wrong: ["g[i] = exp(z[i])/log(sum(j, exp(z[j]))) - delta(i,y)", "g[i] = exp(z[i])/sum(j, exp(z[j]))", "g[i] = exp(z[i])/sum(j, exp(z[j])) + delta(i,y)", "g[i] = exp(z[i]) - delta(i,y)"]
    "1.2 relu": "x[n]", "p[i] = relu(x[i])", "x";
        right: ["J[i,j] = delta(i,j)*[x[i] > 0]", "J[i,j] = [x[j] > 0]*delta(j,i)"];
        wrong: ["J[i,j] = delta(i,j)*[x[i] < 0]", "J[i,j] = delta(i,j) + 0*x[i]*x[j]", "J[i,j] = [x[i] > 0] + 0*x[j]"]
    "1.3 affine x": "V[m,n] b[m] x[n]", "y[i] = sum(j, V[i,j]*x[j]) + b[i]", "x";
        right: ["J[i,j] = V[i,j]"];
        wrong: ["J[i,j] = 2*V[i,j]", "J[i,j] = V[i,j]*x[j]", "J[i,j] = V[i,j] + b[i] + 0*x[j]"]
    "1.3 affine V": "V[m,n] b[m] x[n]", "y[i] = sum(j, V[i,j]*x[j]) + b[i]", "V";
        right: ["J[i,j,k] = delta(i,j)*x[k] + 0*V[j,k]*V[i,k]"];
        wrong: ["J[i,j,k] = x[k] + 0*V[j,k]*V[i,k]", "J[i,j,k] = delta(i,j)*sum(l, x[l]) + 0*V[j,k]*V[i,k]"]
    "1.3 affine b": "V[m,n] b[m] x[n]", "y[i] = sum(j, V[i,j]*x[j]) + b[i]", "b";
        right: ["J[i,j] = delta(i,j) + 0*b[i]*b[j]"];
        wrong: ["J[i,j] = 1 + 0*b[i]*b[j]", "J[i,j] = b[i]*delta(i,j) + 0*b[j]"]
    "1.4 V1": "V1[h,d] b1[h] V2[k,h] b2[k] x[d] t[k]", "sum(i, (sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])^2)/2", "V1";
        right: ["g[a,c] = sum(i, V2[i,a]*(sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])) * [sum(l, V1[a,l]*x[l]) + b1[a] > 0] * x[c]"];
        wrong: ["g[a,c] = sum(i, V2[i,a]*(sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])) * x[c]",
                "g[a,c] = sum(i, V2[i,a]*(sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) - t[i])) * [sum(l, V1[a,l]*x[l]) + b1[a] > 0] * x[c]"]
    "1.4 x": "V1[h,d] b1[h] V2[k,h] b2[k] x[d] t[k]", "sum(i, (sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])^2)/2", "x";
        right: ["g[c] = sum(a, sum(i, V2[i,a]*(sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])) * [sum(l, V1[a,l]*x[l]) + b1[a] > 0] * V1[a,c])"];
        wrong: ["g[c] = -sum(a, sum(i, V2[i,a]*(sum(j, V2[i,j]*relu(sum(l, V1[j,l]*x[l]) + b1[j])) + b2[i] - t[i])) * [sum(l, V1[a,l]*x[l]) + b1[a] > 0] * V1[a,c])"]
    "tanh net": "W[h,d] b[h] v[h] x[d] t", "(sum(j, v[j]*tanh(sum(l, W[j,l]*x[l]) + b[j])) - t)^2/2", "W";
        right: ["g[a,c] = (sum(j, v[j]*tanh(sum(l, W[j,l]*x[l]) + b[j])) - t)*v[a]*(1 - tanh(sum(l, W[a,l]*x[l]) + b[a])^2)*x[c]"];
        wrong: ["g[a,c] = (sum(j, v[j]*tanh(sum(l, W[j,l]*x[l]) + b[j])) - t)*v[a]*(1 - tanh(sum(l, W[a,l]*x[l]) + b[a]))*x[c]"]
    "softmax regression W": "W[k,d] x[d] y:k", "log(sum(j, exp(sum(l, W[j,l]*x[l])))) - sum(l, W[y,l]*x[l])", "W";
        right: ["g[a,c] = (exp(sum(l, W[a,l]*x[l]))/sum(j, exp(sum(l, W[j,l]*x[l]))) - delta(a,y))*x[c]"];
        wrong: ["g[a,c] = (exp(sum(l, W[a,l]*x[l]))/sum(j, exp(sum(l, W[j,l]*x[l]))) + delta(a,y))*x[c]", "g[a,c] = exp(sum(l, W[a,l]*x[l]))/sum(j, exp(sum(l, W[j,l]*x[l])))*x[c]"]
    "softmax jacobian": "z[n]", "p[i] = exp(z[i])/sum(j, exp(z[j]))", "z";
        right: ["J[i,j] = exp(z[i])/sum(k, exp(z[k]))*(delta(i,j) - exp(z[j])/sum(k, exp(z[k])))"];
        wrong: ["J[i,j] = exp(z[i])/sum(k, exp(z[k]))*delta(i,j)*(1 - exp(z[j])/sum(k, exp(z[k])))", "J[i,j] = exp(z[i])/sum(k, exp(z[k]))*(1 - exp(z[j])/sum(k, exp(z[k])))"]
    "logistic": "X[N,d] y[N] w[d]", "sum(s, log(1 + exp(-y[s]*sum(l, X[s,l]*w[l]))))", "w";
        right: ["g[c] = -sum(s, y[s]*X[s,c]/(1 + exp(y[s]*sum(l, X[s,l]*w[l]))))", "g[c] = -sum(s, y[s]*X[s,c]*sigmoid(-y[s]*sum(l, X[s,l]*w[l])))", "g[c] = sum(s, y[s]*X[s,c]*(sigmoid(y[s]*sum(l, X[s,l]*w[l])) - 1))"];
        wrong: ["g[c] = sum(s, y[s]*X[s,c]/(1 + exp(y[s]*sum(l, X[s,l]*w[l]))))", "g[c] = -sum(s, X[s,c]/(1 + exp(y[s]*sum(l, X[s,l]*w[l]))))"]
    "logistic hessian": "X[N,d] w[d]", "g[c] = sum(s, X[s,c]*sigmoid(sum(l, X[s,l]*w[l])))", "w";
        right: ["H[a,b] = sum(s, X[s,a]*X[s,b]*sigmoid(sum(l, X[s,l]*w[l]))*(1 - sigmoid(sum(l, X[s,l]*w[l]))))"];
        wrong: ["H[a,b] = sum(s, X[s,a]*X[s,b]*sigmoid(sum(l, X[s,l]*w[l])))"]
    "least squares": "A[m,n] x[n] b[m]", "sum(i, (sum(j, A[i,j]*x[j]) - b[i])^2)", "x";
        right: ["g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i]))", "g[k] = 2*sum(i, sum(j, A[i,k]*A[i,j]*x[j])) - 2*sum(i, A[i,k]*b[i])"];
        wrong: ["g[k] = sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i]))", "g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) + b[i]))"]
    "mean squares": "x[n] t[n]", "sum(i, (x[i] - t[i])^2)/n", "x";
        right: ["g[i] = 2*(x[i] - t[i])/n"];
        wrong: ["g[i] = 2*(x[i] - t[i])", "g[i] = (x[i] - t[i])/n"]
    "ridge": "A[m,n] x[n] b[m] lam", "sum(i, (sum(j, A[i,j]*x[j]) - b[i])^2) + lam*sum(j, x[j]^2)", "x";
        right: ["g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i])) + 2*lam*x[k]"];
        wrong: ["g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i])) + lam*x[k]", "g[k] = 2*sum(i, A[i,k]*(sum(j, A[i,j]*x[j]) - b[i])) + 2*x[k]"]
    "gaussian mean": "x[n] mu s", "sum(i, -(x[i] - mu)^2/(2*s^2) - log(s))", "mu";
        right: ["sum(i, x[i] - mu)/s^2", "(sum(i, x[i]) - n*mu)/s^2"];
        wrong: ["sum(i, x[i] - mu)/s", "(sum(i, x[i]) - mu)/s^2", "-sum(i, x[i] - mu)/s^2"]
    "gaussian deviation": "x[n] mu s", "sum(i, -(x[i] - mu)^2/(2*s^2) - log(s))", "s";
        right: ["sum(i, (x[i] - mu)^2)/s^3 - n/s"];
        wrong: ["sum(i, (x[i] - mu)^2)/s^3 - 1/s", "sum(i, (x[i] - mu)^2)/s^2 - n/s"]
    "matrix factorisation": "R[m,n] U[m,r] V[n,r]", "sum(i, sum(j, (R[i,j] - sum(k, U[i,k]*V[j,k]))^2))/2", "U";
        right: ["g[a,c] = -sum(j, (R[a,j] - sum(k, U[a,k]*V[j,k]))*V[j,c])"];
        wrong: ["g[a,c] = sum(j, (R[a,j] - sum(k, U[a,k]*V[j,k]))*V[j,c])", "g[a,c] = -sum(j, R[a,j]*V[j,c])"]
    "quadratic form": "A[n,n] x[n]", "sum(i, sum(j, x[i]*A[i,j]*x[j]))", "x";
        right: ["g[k] = sum(j, (A[k,j] + A[j,k])*x[j])"];
        wrong: ["g[k] = 2*sum(j, A[k,j]*x[j])", "g[k] = sum(j, A[k,j]*x[j])"]
    "trace of a product": "A[m,n] X[n,m]", "sum(i, sum(j, A[i,j]*X[j,i]))", "X";
        right: ["g[a,b] = A[b,a]"];
        wrong: ["g[a,b] = A[b,a]*X[a,b]"]
    "trace of a square": "X[n,n]", "sum(i, sum(j, X[i,j]*X[j,i]))", "X";
        right: ["g[a,b] = 2*X[b,a]"];
        wrong: ["g[a,b] = 2*X[a,b]", "g[a,b] = X[b,a]"]
    "frobenius": "X[m,n]", "sqrt(sum(i, sum(j, X[i,j]^2)))", "X";
        right: ["g[a,b] = X[a,b]/sqrt(sum(i, sum(j, X[i,j]^2)))"];
        wrong: ["g[a,b] = 2*X[a,b]/sqrt(sum(i, sum(j, X[i,j]^2)))", "g[a,b] = X[a,b]/sum(i, sum(j, X[i,j]^2))"]
    "norm": "x[n]", "sqrt(sum(i, x[i]^2))", "x";
        right: ["g[k] = x[k]*sum(i, x[i]^2)^(-1/2)"];
        wrong: ["g[k] = x[k]/(2*sqrt(sum(i, x[i]^2)))"]
    "unit vector": "x[n]", "u[i] = x[i]/sqrt(sum(j, x[j]^2))", "x";
        right: ["J[i,k] = delta(i,k)/sqrt(sum(j, x[j]^2)) - x[i]*x[k]/sum(j, x[j]^2)^(3/2)"];
        wrong: ["J[i,k] = delta(i,k)/sqrt(sum(j, x[j]^2)) - x[i]*x[k]/sum(j, x[j]^2)"]
    "layer norm": "x[n] eps", "y[i] = (x[i] - sum(k, x[k])/n)/sqrt(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps)", "x";
        right: ["J[i,j] = (delta(i,j) - 1/n)/sqrt(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps) - (x[i] - sum(k, x[k])/n)*(x[j] - sum(k, x[k])/n)/n/(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps)^(3/2)"];
        wrong: ["J[i,j] = (delta(i,j) - 1/n)/sqrt(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps) + 0*x[i]*x[j]", "J[i,j] = delta(i,j)/sqrt(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps) - (x[i] - sum(k, x[k])/n)*(x[j] - sum(k, x[k])/n)/n/(sum(k, (x[k] - sum(l, x[l])/n)^2)/n + eps)^(3/2)"]
    "attention scores": "q[d] K[n,d] v[n]", "sum(j, exp(sum(l, q[l]*K[j,l]))*v[j])/sum(j, exp(sum(l, q[l]*K[j,l])))", "v";
        right: ["g[j] = exp(sum(l, q[l]*K[j,l]))/sum(k, exp(sum(l, q[l]*K[k,l])))"];
        wrong: ["g[j] = exp(sum(l, q[l]*K[j,l]))"]
    "attention query": "q[d] K[n,d] v[n]", "sum(j, exp(sum(l, q[l]*K[j,l]))*v[j])/sum(j, exp(sum(l, q[l]*K[j,l])))", "q";
        right: ["g[c] = sum(j, exp(sum(l, q[l]*K[j,l]))*v[j]*K[j,c])/sum(j, exp(sum(l, q[l]*K[j,l]))) - sum(j, exp(sum(l, q[l]*K[j,l]))*v[j])*sum(j, exp(sum(l, q[l]*K[j,l]))*K[j,c])/sum(j, exp(sum(l, q[l]*K[j,l])))^2"];
        wrong: ["g[c] = sum(j, exp(sum(l, q[l]*K[j,l]))*v[j]*K[j,c])/sum(j, exp(sum(l, q[l]*K[j,l])))"]
    "power": "a b", "a^b", "a";
        right: ["b*a^(b-1)", "b*a^b/a"];
        wrong: ["a^(b-1)", "b*a^b", "log(a)*a^b"]
    "power of the exponent": "a b", "a^b", "b";
        right: ["log(a)*a^b"];
        wrong: ["b*a^(b-1)", "a^b"]
    "product rule": "a b", "a*exp(a)*sin(b)", "a";
        right: ["(1 + a)*exp(a)*sin(b)"];
        wrong: ["exp(a)*cos(b)", "exp(a)*sin(b)", "a*exp(a)*sin(b)"]
    "quotient rule": "a b", "sin(a)/(a^2 + b)", "a";
        right: ["(cos(a)*(a^2 + b) - 2*a*sin(a))/(a^2 + b)^2"];
        wrong: ["(cos(a)*(a^2 + b) + 2*a*sin(a))/(a^2 + b)^2", "cos(a)/(2*a)", "(cos(a)*(a^2 + b) - 2*a*sin(a))/(a^2 + b)"]
    "chain rule": "a", "exp(sin(a^2))", "a";
        right: ["2*a*cos(a^2)*exp(sin(a^2))"];
        wrong: ["exp(sin(a^2))", "2*a*exp(sin(a^2))", "cos(a^2)*exp(sin(a^2))", "2*a*exp(cos(a^2))"]
    "tan": "a", "tan(a)", "a";
        right: ["1/cos(a)^2", "1 + tan(a)^2"];
        wrong: ["1/sin(a)^2", "1 - tan(a)^2"]
    "sigmoid": "a", "sigmoid(a)", "a";
        right: ["sigmoid(a)*(1 - sigmoid(a))", "exp(-a)/(1 + exp(-a))^2", "1/(2 + exp(a) + exp(-a))"];
        wrong: ["sigmoid(a)", "sigmoid(a)*(1 + sigmoid(a))", "sigmoid(a)^2"]
    "tanh": "a", "tanh(a)", "a";
        right: ["1 - tanh(a)^2", "1/cosh(a)^2", "4/(exp(a) + exp(-a))^2"];
        wrong: ["1 - tanh(a)", "1 + tanh(a)^2"]
    "softplus": "a", "softplus(a)", "a";
        right: ["sigmoid(a)", "1/(1 + exp(-a))", "1 - sigmoid(-a)"];
        wrong: ["exp(a)", "sigmoid(-a)"]
    "log of a product": "x[n] w[n]", "sum(i, log(x[i]*w[i]))", "x";
        right: ["g[i] = 1/x[i]"];
        wrong: ["g[i] = 1/(x[i]*w[i])", "g[i] = 1/x[i] + 1/w[i]"]
    "entropy": "p[n]", "-sum(i, p[i]*log(p[i]))", "p";
        right: ["g[i] = -log(p[i]) - 1"];
        wrong: ["g[i] = -log(p[i])", "g[i] = -1/p[i]", "g[i] = 1 - log(p[i])"]
    "kl": "p[n] q[n]", "sum(i, p[i]*log(p[i]/q[i]))", "q";
        right: ["g[i] = -p[i]/q[i]"];
        wrong: ["g[i] = p[i]/q[i]", "g[i] = -1/q[i]"]
    "abs": "x[n]", "sum(i, abs(x[i]))", "x";
        right: ["g[i] = sign(x[i])"];
        wrong: ["g[i] = 1 + 0*x[i]", "g[i] = -sign(x[i])"]
    "huber": "x[n]", "sum(i, x[i]^2/2 if abs(x[i]) <= 1 else abs(x[i]) - 1/2)", "x";
        right: ["g[i] = x[i] if abs(x[i]) <= 1 else sign(x[i])"];
        wrong: ["g[i] = x[i] if abs(x[i]) <= 2 else sign(x[i])", "g[i] = x[i]"]
    "outer": "a[m] b[n]", "Y[i,j] = a[i]*b[j]", "a";
        right: ["J[i,j,k] = delta(i,k)*b[j] + 0*a[k]"];
        wrong: ["J[i,j,k] = b[j] + 0*a[k]*a[i]"]
    "matrix product": "A[m,k] B[k,n]", "Y[i,j] = sum(l, A[i,l]*B[l,j])", "A";
        right: ["J[i,j,a,b] = delta(i,a)*B[b,j] + 0*A[a,b]"];
        wrong: ["J[i,j,a,b] = B[b,j] + 0*A[a,b]*A[i,b]"]
    "shifted differences": "x[n]", "sum(i=0..n-2, (x[i+1] - x[i])^2)", "x";
        right: ["g[k] = sum(i=0..n-2, 2*(x[i+1] - x[i])*(delta(i+1,k) - delta(i,k))) + 0*x[k]"];
        wrong: ["g[k] = 2*sum(i=0..n-2, (x[i+1] - x[i])*delta(i+1,k)) + 0*x[k]"]
    "gather": "z[n] y:n", "z[y]^2", "z";
        right: ["g[i] = 2*z[y]*delta(i,y)", "g[i] = 2*z[i]*delta(i,y)"];
        wrong: ["g[i] = 2*z[i]", "g[i] = 2*z[y] + 0*z[i]"]
    "variance": "x[n]", "sum(i, (x[i] - sum(j, x[j])/n)^2)/n", "x";
        right: ["g[k] = 2*(x[k] - sum(j, x[j])/n)/n"];
        wrong: ["g[k] = 2*(x[k] - sum(j, x[j])/n)", "g[k] = 2*(1 - 1/n)*(x[k] - sum(j, x[j])/n)/n", "g[k] = 2*x[k]/n"]
    "bilinear": "x[m] A[m,n] y[n]", "sum(i, sum(j, x[i]*A[i,j]*y[j]))", "A";
        right: ["g[a,b] = x[a]*y[b]"];
        wrong: ["g[a,b] = x[a]*y[b]*A[a,b]"]
    "gelu": "a", "a*(1 + erf(a/sqrt(2)))/2", "a";
        right: ["(1 + erf(a/sqrt(2)))/2 + a*exp(-a^2/2)/sqrt(2*pi)"];
        wrong: ["(1 + erf(a/sqrt(2)))/2", "(1 + erf(a/sqrt(2)))/2 + a*exp(-a^2)/sqrt(2*pi)"]
    "poisson": "x[n] lam", "sum(i, x[i]*log(lam) - lam - lgamma(x[i] + 1))", "lam";
        right: ["sum(i, x[i])/lam - n"];
        wrong: ["sum(i, x[i])/lam - 1", "sum(i, x[i])/lam"]
    "cross entropy of sigmoid": "z t", "-t*log(sigmoid(z)) - (1 - t)*log(1 - sigmoid(z))", "z";
        right: ["sigmoid(z) - t"];
        wrong: ["sigmoid(z)", "t - sigmoid(z)", "sigmoid(z)*(1 - sigmoid(z)) - t"]
    "temperature": "z[n] T", "T*log(sum(i, exp(z[i]/T)))", "T";
        right: ["log(sum(i, exp(z[i]/T))) - sum(i, z[i]*exp(z[i]/T))/(T*sum(i, exp(z[i]/T)))"];
        wrong: ["log(sum(i, exp(z[i]/T))) - sum(i, z[i]*exp(z[i]/T))/sum(i, exp(z[i]/T))"]
    "max": "a b", "max(a, b)", "a";
        right: ["[a > b] + [a == b]/2", "1 - [b > a] - [a == b]/2"];
        wrong: ["[b > a]", "1 + 0*a"]
}
