//! LaTeX: each equation beside what is understood.

use super::rendered;
use chainrule_golden::golden_text;
use chainrule_lang::format::format_equation;
use chainrule_lang::parse::parse_latex;
use chainrule_lang::source::{Source, Span};

const DECLARED: [&str; 22] = [
    "x", "y", "z", "t", "n", "V", "b", "l_h", "l_q", "lambda", "g_z", "g_V2", "J_V2", "V1", "V2", "b2",
    "y_hat", "p", "q", "a", "h", "c",
];

const EQUATIONS: [&str; 44] = [
    r"\frac{\partial y_i}{\partial V_{jk}} = \delta_{ij} x_k",
    r"\frac{\partial \ell_h}{\partial z_i} = \frac{e^{z_i}}{\sum_{j=0}^{n-1} e^{z_j}} - \delta_{iy}",
    r"\frac{d\lambda}{dz} = z - t",
    r"\frac{\mathrm{d} \lambda}{\mathrm{d} z_i} = z_i - t_i",
    r"\frac{\partial^2 \lambda}{\partial x_i \partial x_j} = 0",
    r"\frac{\partial^2 \lambda}{\partial x^2} = 0",
    r"\left.\frac{\partial y}{\partial x}\right|_h = V",
    r"\mathbf{g}_{V_2} = \mathbf{g}_z \cdot J_{V_2}",
    r"\mathbf{g}_{V_2} = \mathbf{g}_{\mathbf{z}} \, \mathbf{q}^T",
    r"\ell_q = \frac12 \sum_i (z_i - t_i)^2",
    r"\ell_q = \frac{1}{2} \| \mathbf{z} - \mathbf{t} \|^2",
    r"\ell_h = \log \sum_{j=0}^{n-1} e^{z_j} - z_y",
    r"\ell_h = \log\left( \sum_{j} \exp(z_j) \right) - z_y",
    r"p_i = \begin{cases} x_i & \text{if } x_i > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\frac{\partial p_i}{\partial x_j} = \delta_{i=j} \mathbb{1}[x_i > 0]",
    r"\frac{\partial p_i}{\partial x_j} = \mathbf{1}_{x_i > 0} \delta_{i,j}",
    r"y = 2 z_i + 3xz - x(z + t)",
    r"\hat{y} = \operatorname{softmax}(z)",
    r"y = \text{softmax}(z)_i",
    r"q = \max(0, p) \odot a",
    r"y = V^\top x + V^T x + V^{\top}x",
    r"y = \prod_{i=0}^{n-1} x_i \sqrt{z_i}",
    r"y = |x_i| + \left| z \right| \ln 2",
    r"y = \sum_{i,j} V_{ij} x_i x_j",
    r"y = z_1 + V_{1,2} + x_{i+1}",
    r"y = V_2 x + b_2",
    r"a &= b \\ &= c",
    r"y = x \le z \land x \ne 0",
    r"y = x^2y + e^{-x}z_i^2",
    r"y = \lambda \times x \div z",
    r"y = \exp x + \log x",
    r"y = -\tfrac{1}{2} x",
    // Refused, with what to write.
    r"y = V_{12}",
    r"y = \log x y",
    r"y = \frac{\partial}{\partial x} z",
    r"y = \int x",
    r"y = \delta_{i}",
    r"y = \sum^{n} x",
    r"y = \sum_{j=0} x_j",
    r"y = 2 3",
    r"y = \exp^2 x",
    r"y = \frac{a}{b",
    r"y = \begin{cases} x & x > 0 \end{cases}",
    r"y = \mathbb{E} x",
];

#[test]
fn equations() {
    let mut out = String::new();
    for text in EQUATIONS {
        let source = Source::new("hw.tex", text);
        let (read, messages) =
            parse_latex(&source, Span::new(0, text.len()), &|name| DECLARED.contains(&name));
        out += &format!("{text}\n");
        if let Some((tree, equation)) = read.filter(|_| messages.is_empty()) {
            out += &format!("    {}\n", format_equation(&tree, &equation, &source));
        }
        out += &rendered(&source, &messages);
        out.push('\n');
    }
    golden_text!("language", "latex", &out);
}
