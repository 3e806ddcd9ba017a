//! Long formulas on lines of limited width, broken at operators of the outermost brackets.

/// Columns of a line.
pub(crate) const WIDTH: usize = 100;

/// The text with a break wherever a line would pass the width; later lines are indented.
///
/// The first line begins in column `indent` too.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    for (k, line) in text.lines().enumerate() {
        let more = if k > 0 { indent } else { indent + 2 };
        if k > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
        }
        let mut rest: Vec<char> = line.chars().collect();
        let mut room = WIDTH.saturating_sub(indent).max(20);
        while rest.len() > room {
            let Some(at) = place(&rest, room) else { break };
            let head: String = rest[..at].iter().collect();
            out.push_str(head.trim_end());
            out.push('\n');
            out.push_str(&" ".repeat(more.max(indent + 2)));
            rest.drain(..at);
            while rest.first() == Some(&' ') {
                rest.remove(0);
            }
            room = WIDTH.saturating_sub(indent + 2).max(20);
        }
        out.extend(rest);
    }
    out
}

/// Where to break: before an operator or after a comma, in as few brackets as possible, as late as possible.
fn place(line: &[char], room: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut best: Option<(bool, usize, usize)> = None;
    for at in 1..=room.min(line.len() - 1) {
        match line[at - 1] {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // An operator begins the next line, where it is seen.
        let after_operator = matches!(line[at - 1], '+' | '-' | '*' | '/' | '@' | '=' | '<' | '>');
        let spaced = line[at] == ' ' && at + 1 < line.len() && !after_operator;
        let tight = matches!(line[at - 1], '*' | ',');
        if !spaced && !tight {
            continue;
        }
        // A break in the first third wastes the line, and one inside of brackets hides where they close.
        let candidate = (at < room / 3, depth + 8 * usize::from(!spaced), room - at);
        if best.is_none_or(|b| candidate < b) {
            best = Some(candidate);
        }
    }
    best.map(|(_, _, back)| room - back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_the_width_and_lose_nothing() {
        let long = (0..40).map(|k| format!("exp(x{k}[i] - y{k}[j])")).collect::<Vec<_>>().join(" + ");
        let text = wrapped(&long, 14);
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH), "{text}");
        let words = |s: &str| s.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        assert_eq!(words(&text), words(&long));
        assert!(text.lines().skip(1).all(|l| l.starts_with("                + ")), "{text}");
    }

    #[test]
    fn a_tight_product_is_broken_too() {
        let long = vec!["alpha[i]"; 30].join("*");
        assert!(wrapped(&long, 14).lines().all(|l| l.chars().count() <= WIDTH));
    }

    #[test]
    fn a_short_line_is_left_alone() {
        assert_eq!(wrapped("a + b", 14), "a + b");
    }
}
