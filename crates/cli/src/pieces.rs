//! What is typed with `-e`: declarations and formulas, parted by `;` or new lines outside of brackets and texts.

use chainrule_lang::syntax::words::begins_item;

/// Declarations and formulas, each in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pieces {
    /// Items of a file, a line each.
    pub(crate) items: Vec<String>,
    /// What is asked.
    pub(crate) formulas: Vec<String>,
}

impl Pieces {
    /// Adds the pieces of one text.
    pub(crate) fn add(&mut self, text: &str) {
        for piece in parted(text) {
            if begins_item(&piece) {
                self.items.push(piece);
            } else {
                self.formulas.push(piece);
            }
        }
    }
}

/// The pieces of a text, comments left out.
pub(crate) fn parted(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0usize;
    let (mut quoted, mut escaped, mut comment) = (false, false, false);
    for c in text.chars() {
        if comment {
            if c != '\n' {
                continue;
            }
            comment = false;
        }
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else {
            match c {
                '"' => quoted = true,
                '#' => {
                    comment = true;
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                ';' | '\n' if depth == 0 => {
                    pieces.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        pieces.last_mut().expect("invariant: there is always one").push(c);
    }
    pieces.iter().map(|p| p.trim().to_string()).filter(|p| !p.is_empty()).collect()
}

/// Whether brackets or a text are still open, so that more is to come.
pub(crate) fn is_open(text: &str) -> bool {
    let mut depth = 0i64;
    let (mut quoted, mut escaped, mut comment) = (false, false, false);
    for c in text.chars() {
        match c {
            '\n' => (comment, quoted) = (false, false),
            _ if comment => {}
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = !escaped && c == '\\';
            }
            '"' => quoted = true,
            '#' => comment = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_and_formulas_are_told_apart() {
        let mut pieces = Pieces::default();
        pieces.add("var x: real[n]; def l = sum(x)\n dl/dx # the answer; no\n");
        pieces.add("case A { x = [1,\n2]; n = 2 }; d(l)/d(x)");
        assert_eq!(pieces.items, ["var x: real[n]", "def l = sum(x)", "case A { x = [1,\n2]; n = 2 }"]);
        assert_eq!(pieces.formulas, ["dl/dx", "d(l)/d(x)"]);
    }

    #[test]
    fn signs_inside_a_text_part_nothing() {
        assert_eq!(parted(r#"title "a; \" # b"; x"#), [r#"title "a; \" # b""#, "x"]);
    }

    #[test]
    fn open_brackets_wait_for_more() {
        assert!(is_open("case A {") && is_open("[[1, 2],") && !is_open("f(x)") && !is_open("# ("));
    }
}
