//! Floor 1: numeric golden files. This crate knows insta and numbers, and nothing of the engine.
//!
//! A golden file keeps a text that was once reviewed. A test that prints it again passes if every word is the
//! same and every number is the same up to rounding ([`Tolerance`]); then the file is left as it is, so that
//! tolerated differences never add up. Otherwise insta shows the difference, and only the real one: lines
//! that agree are shown in the words of the file.
//!
//! ```no_run
//! use chainrule_golden::golden_text;
//! golden_text!("nn", "network_2", "lambda  6.0091744845917345");
//! ```
//!
//! Files stand in `snapshots/<subject>/<name>.snap` beside the manifest of the calling package.
//! Nothing else in the project touches insta's settings.

mod compare;
mod file;
mod token;

pub use compare::{Tolerance, agree, in_reference_words};
pub use file::Golden;

#[doc(hidden)]
pub use insta;

/// Compares a text with the golden file `snapshots/<subject>/<name>.snap` of the calling package.
///
/// A fourth argument gives another [`Tolerance`] than the default, four units in the last place.
///
/// # Panics
/// When the text differs from the file, or there is no file yet; `cargo insta review` accepts the new one.
#[macro_export]
macro_rules! golden_text {
    ($subject:expr, $name:expr, $text:expr $(,)?) => {
        $crate::golden_text!($subject, $name, $text, $crate::Tolerance::default())
    };
    ($subject:expr, $name:expr, $text:expr, $tolerance:expr $(,)?) => {{
        let golden = $crate::Golden::new(env!("CARGO_MANIFEST_DIR"), $subject, $name, $tolerance);
        // Expanded in the test itself, so that insta notes its file as the source.
        golden.check(&$text, |name, text| $crate::insta::assert_snapshot!(name, text));
    }};
}
