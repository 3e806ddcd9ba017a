//! A golden file: where it stands, what it holds, and how insta is asked about it.

use crate::compare::{Tolerance, agree, in_reference_words};
use insta::{Comparator, Settings, Snapshot};
use std::path::{Path, PathBuf};

/// One golden file and the tolerance with which it is compared; made by [`golden_text!`](crate::golden_text).
#[derive(Clone, Debug)]
pub struct Golden {
    folder: PathBuf,
    name: String,
    tolerance: Tolerance,
}

impl Golden {
    /// The file `snapshots/<subject>/<name>.snap` under `package`, the folder of a manifest.
    ///
    /// # Panics
    /// When subject or name hold anything but ASCII letters, digits, `_` and `-`: they are names of files on
    /// every system.
    pub fn new(package: impl AsRef<Path>, subject: &str, name: &str, tolerance: Tolerance) -> Golden {
        for word in [subject, name] {
            let plain = word.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
            assert!(
                plain && !word.is_empty(),
                "`{word}` is no name of a golden file: letters, digits, _ and - are"
            );
        }
        Golden { folder: package.as_ref().join("snapshots").join(subject), name: name.to_string(), tolerance }
    }

    /// Where the file stands.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name).with_extension("snap")
    }

    /// The reviewed text, if there is one.
    pub fn reference(&self) -> Option<String> {
        // The first two lines of three dashes enclose insta's notes.
        let file = std::fs::read_to_string(self.path()).ok()?.replace("\r\n", "\n");
        let (_, text) = file.strip_prefix("---\n")?.split_once("\n---\n")?;
        Some(text.to_string())
    }

    /// Hands the name and the text, in the words of the reference, to `assert` under our settings of insta.
    pub fn check(&self, text: &str, assert: impl FnOnce(&str, &str)) {
        let text = match self.reference() {
            Some(reference) => in_reference_words(reference.trim_end(), text.trim_end(), &self.tolerance),
            None => text.to_string(),
        };
        self.settings().bind(|| assert(&self.name, &text));
    }

    /// The only place of the project that touches insta's settings.
    fn settings(&self) -> Settings {
        let mut settings = Settings::new();
        settings.set_snapshot_path(&self.folder);
        settings.set_prepend_module_to_snapshot(false);
        // The expression is always `text`, and says nothing to a reviewer.
        settings.set_omit_expression(true);
        settings.set_comparator(Box::new(Numeric(self.tolerance)));
        settings
    }
}

/// insta's view of [`agree`].
#[derive(Clone)]
struct Numeric(Tolerance);

impl Comparator for Numeric {
    fn matches(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        match (reference.as_text(), test.as_text()) {
            (Some(old), Some(new)) => agree(&old.to_string(), &new.to_string(), &self.0),
            _ => false,
        }
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_has_no_module_in_it() {
        let golden = Golden::new("here", "nn", "network_2", Tolerance::default());
        assert_eq!(golden.path(), Path::new("here/snapshots/nn/network_2.snap"));
        assert_eq!(golden.reference(), None);
    }

    #[test]
    #[should_panic(expected = "`../x` is no name of a golden file")]
    fn a_name_cannot_leave_the_folder() {
        Golden::new("here", "nn", "../x", Tolerance::default());
    }
}
