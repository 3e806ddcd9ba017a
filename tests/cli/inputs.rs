//! What is read: files that are none, texts that are none, data, pipes that close.

use crate::{HOMEWORK, chainrule, chainrule_reading, code, command, scratch, utf8};
use std::process::Stdio;
use std::time::{Duration, Instant};

fn refused(arguments: &[&str], expected: i32, words: &str) {
    let before = Instant::now();
    let output = chainrule(arguments);
    let message = utf8(&output.stderr);
    assert_eq!(code(&output), expected, "{arguments:?}: {message}");
    assert!(message.contains(words), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty());
    assert!(before.elapsed() < Duration::from_secs(10), "{arguments:?} took {:?}", before.elapsed());
}

#[test]
fn what_is_no_text_is_refused_at_once() {
    refused(&["derive", "tests", "x"], 65, "is a folder");
    refused(&["derive", "no/such/file.chain", "x"], 66, "there is no such file");
    let path = |name, bytes: &[u8]| scratch(name, bytes).to_string_lossy().into_owned();
    refused(&["derive", &path("nul.chain", b"dim n\0"), "x"], 65, "byte 5 is 0");
    refused(&["derive", &path("latin.chain", b"dim n\n# \xe4\n"), "x"], 65, "line 2 is not UTF-8");
    refused(&["derive", &path("long.chain", &vec![b'#'; (16 << 20) + 1]), "x"], 65, "longer than 16 MiB");
    refused(&["eval", "-e", "var x : real; x", "--data", "x=tests"], 65, "is a folder");
    let csv = path("x.txt", b"1");
    refused(
        &["eval", "-e", "var x : real; x", "--data", &format!("x={csv}")],
        65,
        "ends in .npy, .npz or .csv",
    );
}

#[cfg(unix)]
#[test]
fn an_endless_device_ends() {
    let zero = ["", "dev", "zero"].join("/");
    refused(&["derive", &zero, "x"], 65, "this is no text");
    let output = chainrule_reading(&["derive", "-", "x"], &[0; 10]);
    assert_eq!(code(&output), 65);
}

#[test]
fn the_standard_input_is_a_file() {
    let text = "dim n; var x : real[n]\ndef l = 1/2 * sum(x .* x)\nderive dl/dx\n";
    let output = chainrule_reading(&["derive", "-"], text.as_bytes());
    assert_eq!(code(&output), 0, "{}", utf8(&output.stderr));
    assert!(utf8(&output.stdout).contains("index       x[i]"), "{}", utf8(&output.stdout));
}

#[test]
fn unknown_words_are_usage() {
    refused(&["derive", "--nonsense"], 64, "--nonsense");
    refused(&["nonsense"], 64, "nonsense");
}

/// `chainrule functions | head -1`: whoever reads has seen enough, and that is no error.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command(&["ops"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!(utf8(&output.stderr), "");
}

#[test]
fn nothing_is_coloured_and_everything_is_ascii_in_a_pipe() {
    for arguments in
        [&["derive", HOMEWORK, "dl_h/dz", "dy/dV"][..], &["derive", HOMEWORK, "nosuch"], &["--help"]]
    {
        let output = chainrule(arguments);
        for bytes in [&output.stdout, &output.stderr] {
            assert!(bytes.iter().all(|b| b.is_ascii() && *b != 0x1b), "{}", utf8(bytes));
        }
    }
}

#[test]
fn data_are_read_from_npy_npz_and_csv() {
    let npy = |shape: &str, order: &str, entries: &[f64]| {
        let mut header = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(entries.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    };
    let rows = npy("(2, 3)", "False", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let columns = npy("(2, 3)", "True", &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let read = |path: std::path::PathBuf, suffix: &str| {
        let data = format!("A={}{suffix}", path.display());
        let output = chainrule(&["eval", "-e", "var A : real[m,n]; A", "--data", &data, "--format", "json"]);
        assert_eq!(code(&output), 0, "{}", utf8(&output.stderr));
        utf8(&output.stdout)
    };
    let expected = "\"value\": [[1.0,2.0,3.0],[4.0,5.0,6.0]]";
    assert!(read(scratch("rows.npy", &rows), "").contains(expected));
    assert!(read(scratch("columns.npy", &columns), "").contains(expected));
    assert!(read(scratch("table.csv", b"a,b,c\n1,2,3\n4,5,6\n"), "").contains(expected));
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("A.npy", &rows), ("B.npy", &columns)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, bytes).unwrap();
    }
    let archive = scratch("arrays.npz", &archive.finish().unwrap().into_inner());
    assert!(read(archive.clone(), "").contains(expected));
    assert!(read(archive, ":B").contains(expected));
    let cut = scratch("cut.npy", &rows[..rows.len() - 8]).display().to_string();
    refused(&["eval", "-e", "var A : real[m,n]; A", "--data", &format!("A={cut}")], 65, "cut.npy");
}
