//! Colour on a terminal, and only there; words carry everything that colour does.

use anstyle::{AnsiColor, Style};
use std::io::{IsTerminal, Write};

/// Writes to the error output; there is nowhere to tell that this failed.
pub(crate) fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let coloured = err.is_terminal() && wanted();
    let _ = err.write_all(if coloured { painted(text) } else { text.to_string() }.as_bytes());
}

/// Whether the user has nothing against colour.
pub(crate) fn wanted() -> bool {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Lines that begin with `error`, `warning`, `note` or `help`, with that word painted.
fn painted(text: &str) -> String {
    let words = [
        ("error", AnsiColor::Red),
        ("warning", AnsiColor::Yellow),
        ("note", AnsiColor::Cyan),
        ("help", AnsiColor::Green),
    ];
    let line = |line: &str| {
        let trimmed = line.trim_start();
        let found = words
            .iter()
            .find(|(word, _)| trimmed.strip_prefix(word).is_some_and(|rest| rest.starts_with([':', '['])));
        match found {
            Some((word, colour)) => {
                let style = Style::new().bold().fg_color(Some((*colour).into()));
                let indent = &line[..line.len() - trimmed.len()];
                format!("{indent}{style}{word}{style:#}{}", &trimmed[word.len()..])
            }
            None => line.to_string(),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::painted;

    #[test]
    fn only_the_words_are_painted_and_nothing_is_lost() {
        let text = "error[E0103]: no\n   help: an error: is\nplain\n";
        let shown = painted(text);
        assert!(shown.contains("\u{1b}[1m") && shown.contains("plain"));
        let mut bare = String::new();
        let mut rest = shown.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare.push_str(before);
            rest = after.split_once('m').map_or("", |(_, r)| r);
        }
        bare.push_str(rest);
        assert_eq!(bare, text);
    }
}
