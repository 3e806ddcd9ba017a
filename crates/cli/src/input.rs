//! Reading what the user names: a file or the standard input, as text, within a limit.
//!
//! What cannot be a source text is told at once: folders, endless devices, files over the limit, bytes that are not
//! text. Every command reads through here.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, Read};

/// Largest source text: a course of homework is a thousand times smaller.
pub(crate) const TEXT_LIMIT: u64 = 16 << 20;

/// Largest file of numbers.
pub(crate) const DATA_LIMIT: u64 = 64 << 20;

/// A text with the name that messages use.
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The text of a file, or of the standard input for `-`.
pub(crate) fn text(path: &str) -> Result<Text, Failure> {
    if path == "-" {
        return utf8("<stdin>", bytes(&mut io::stdin().lock(), "<stdin>", TEXT_LIMIT, true)?);
    }
    let mut file = open(path)?;
    utf8(path, bytes(&mut file, path, TEXT_LIMIT, true)?)
}

/// The bytes of a file of numbers.
pub(crate) fn data(path: &str) -> Result<Vec<u8>, Failure> {
    bytes(&mut open(path)?, path, DATA_LIMIT, false)
}

/// Opens what can be read to an end.
fn open(path: &str) -> Result<File, Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| missing(path, &error))?;
    if metadata.is_dir() {
        return Err(Failure::Data(format!("{path} is a folder, a file is expected")));
    }
    File::open(path).map_err(|error| missing(path, &error))
}

fn missing(path: &str, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "\n   help: a path, or - for the standard input; formulas without a file: -e"
        }
        _ => "",
    };
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_string(),
        _ => error.to_string(),
    };
    Failure::NoInput(format!("{path}: {why}{hint}"))
}

/// Reads to the end, within a limit; a byte 0 stops a text early, because no text holds one.
fn bytes(input: &mut dyn Read, name: &str, limit: u64, is_text: bool) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    let mut part = vec![0u8; 1 << 16];
    loop {
        let count = match input.read(&mut part) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::NoInput(format!("{name}: {error}"))),
        };
        if count == 0 {
            return Ok(all);
        }
        if is_text && let Some(at) = part[..count].iter().position(|b| *b == 0) {
            let at = all.len() + at;
            return Err(Failure::Data(format!("{name}: byte {at} is 0: this is no text")));
        }
        all.extend_from_slice(&part[..count]);
        if all.len() as u64 > limit {
            let limit = limit >> 20;
            return Err(Failure::Data(format!("{name}: longer than {limit} MiB, which is the limit")));
        }
    }
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<Text, Failure> {
    match String::from_utf8(bytes) {
        Ok(text) => {
            // Editors on some systems begin a file with a byte order mark, which is no part of the text.
            let text = text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text);
            Ok(Text { name: name.to_string(), text })
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
            Err(Failure::Data(format!(
                "{name}: line {line} is not UTF-8 (byte {at})\n   help: save the file as UTF-8"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes_: &[u8], limit: u64) -> Result<Vec<u8>, Failure> {
        bytes(&mut io::Cursor::new(bytes_), "a", limit, true)
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert!(read(b"a\0b", 10).unwrap_err().text().contains("byte 1 is 0"));
        assert!(read(&[b'a'; 11], 10).unwrap_err().text().contains("longer than"));
        assert_eq!(read(b"abc", 10).unwrap(), b"abc");
        let wrong = utf8("a", b"x\ny\xff".to_vec()).err().unwrap();
        assert!(wrong.text().contains("line 2 is not UTF-8 (byte 3)"));
        assert_eq!(utf8("a", "\u{feff}x".into()).ok().unwrap().text, "x");
    }

    #[test]
    fn an_endless_input_ends_at_the_limit() {
        let wrong = bytes(&mut io::repeat(b'a'), "a", 1 << 20, true).unwrap_err();
        assert!(wrong.text().contains("longer than 1 MiB"));
    }
}
