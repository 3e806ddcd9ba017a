//! The block of text that the homework prints for one network: forward pass, local Jacobians, gradients.
//!
//! Tabs indent, every entry is followed by a blank line, and two more lines part the sections.
//! Source: homework, problem 2.1; the exact bytes stand in the reference of the homework's tests.

use crate::{array::Array, format::Format};

/// Entries of one section, in the order in which they are printed.
pub type Section<'a> = &'a [(&'a str, Array)];

/// Titles of the three sections.
const TITLES: [&str; 3] = ["Forward Pass", "Local Jacobians", "Gradients"];

/// What parts two sections, beyond the blank line after every entry.
const GAP: &str = "\n\n";

/// The snapshot of `network`, its last blank line included: print it without adding a newline.
///
/// ```
/// use chainrule_report::{snapshot_block, Array, Format};
/// let x = [("x", Array::real(&[2], vec![-1.0, 2.0]))];
/// let text = snapshot_block(0, [&x, &[], &[]], Format::ArrayString);
/// assert!(text.starts_with("Network 0\n\n\tForward Pass\n\n\t\tx: (-1, 2)\n\n"));
/// ```
pub fn snapshot_block(network: usize, sections: [Section<'_>; 3], format: Format) -> String {
    let printed: Vec<String> =
        TITLES.iter().zip(sections).map(|(title, entries)| section(title, entries, format)).collect();
    format!("Network {network}\n\n{}", printed.join(GAP))
}

fn section(title: &str, entries: Section<'_>, format: Format) -> String {
    let entries = entries.iter().map(|(key, array)| format!("\t\t{key}: {}\n\n", format.text(array)));
    format!("\t{title}\n\n{}", entries.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_more_lines_part_the_sections_and_none_follow_the_last() {
        let entry = [("x", Array::int(&[], vec![1]))];
        let text = snapshot_block(7, [&entry, &entry, &entry], Format::Numpy);
        let expected = "Network 7\n\n\tForward Pass\n\n\t\tx: 1\n\n\n\n\
                        \tLocal Jacobians\n\n\t\tx: 1\n\n\n\n\tGradients\n\n\t\tx: 1\n\n";
        assert_eq!(text, expected);
    }
}
