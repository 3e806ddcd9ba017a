//! Equations found in LaTeX and Markdown texts.

use chainrule_golden::golden_text;
use chainrule_lang::extract::extract_equations;

const TEXT: &str = r"
Inline $x$ is not displayed; 50% of $$ y = V x, $$ is.
\[ \ell_h = \log \sum_j e^{z_j} \label{eq:h}. \]
\begin{equation*}
  p_i = \begin{cases} x_i & x_i > 0 \\ 0 & \text{otherwise} \end{cases}
\end{equation*}
\begin{align}
  a &= b \nonumber \\
    &= c \label{c} \\
  d &= e & f &= g
\end{align}
$$
\begin{aligned} u &= v \\ w &= x \end{aligned}
$$
```math
y = z
```
\begin{gather} m = n \\ \end{gather}
\begin{alignat}{2} k &= l \end{alignat}
\$\$ not one \$\$
$$ open
";

#[test]
fn displays() {
    let show = |text: &str| {
        let mut out = String::new();
        for found in extract_equations(text) {
            let broken = found.broken.map_or(String::new(), |why| format!("   ({why})"));
            let place = text[..found.span.start].matches('\n').count();
            out += &format!(
                "{place:>3}  {}{broken}\n",
                text[found.span.start..found.span.end].replace('\n', " ")
            );
        }
        out
    };
    let latex = "\\documentclass{article}\n% $$ hidden $$\n$$ seen $$\n";
    golden_text!("language", "extracted", &format!("{TEXT}----\n{}----\n{}", show(TEXT), show(latex)));
}
