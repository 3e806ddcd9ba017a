//! Linear algebra on the last two axes through `np.linalg`.

use super::Writer;
use super::array::{Array, Level};
use chainrule_core::NodeId;
use chainrule_core::graph::op::Linear;

impl Writer<'_> {
    /// Linear algebra on the last two axes; triangular systems go through the triangle that is read.
    pub(super) fn linear(&mut self, node: NodeId, kind: Linear, args: &[NodeId]) -> Array {
        let axes: Vec<usize> = (0..self.plan.graph.rank(node)).collect();
        let a = self.whole(args[0]);
        let text = match kind {
            Linear::Inverse => format!("np.linalg.inv({})", a.text),
            Linear::Det => format!("np.linalg.det({})", a.text),
            Linear::LogAbsDet => format!("np.linalg.slogdet({})[1]", a.text),
            Linear::Cholesky => self.cholesky(args[0], a),
            Linear::Solve => return self.solve(a.text, args),
            Linear::SolveLower => return self.solve(format!("np.tril({})", a.text), args),
            Linear::SolveUpper => return self.solve(format!("np.triu({})", a.text), args),
        };
        Array::call(text, axes)
    }

    fn cholesky(&mut self, node: NodeId, a: Array) -> String {
        let symmetric = self.plan.graph.as_input(node).is_some_and(|i| i.facts.symmetric);
        if symmetric {
            return format!("np.linalg.cholesky({})", a.text);
        }
        let a = self.held(a, "t");
        let transposed = if a.axes.len() == 2 {
            format!("{}.T", a.text)
        } else {
            format!("np.swapaxes({}, -1, -2)", a.text)
        };
        format!("np.linalg.cholesky(({} + {transposed}) / 2)", a.text)
    }

    /// `np.linalg.solve` takes matrices; other right-hand sides are brought to that form and back.
    fn solve(&mut self, a: String, args: &[NodeId]) -> Array {
        let (rank, right) = (self.plan.graph.rank(args[0]), self.plan.graph.rank(args[1]));
        let axes: Vec<usize> = (0..right).collect();
        let c = self.whole(args[1]);
        let text = if right == rank || right == 1 {
            format!("np.linalg.solve({a}, {})", c.text)
        } else if right + 1 == rank {
            format!("np.linalg.solve({a}, {}[..., None])[..., 0]", c.at(Level::Atom))
        } else {
            let shape = self.plan.graph.shape(args[1]).to_vec();
            let columns =
                shape[rank - 1..].iter().cloned().fold(chainrule_core::shape::Dim::ONE, |p, d| p * d);
            let mut flat = shape[..rank - 1].to_vec();
            flat.push(columns);
            let (flat, full) = (self.shape(&flat), self.shape(&shape));
            format!("np.linalg.solve({a}, {}.reshape({flat})).reshape({full})", c.at(Level::Atom))
        };
        Array::call(text, axes)
    }
}
