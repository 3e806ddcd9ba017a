//! Values from files of numbers: npy, npz, csv.

use crate::failure::Failure;
use crate::input;
use chainrule_lang::value::Constant;
use npyz::{DType, NpyFile, Order};
use std::io::{Cursor, Read};

/// Longest header of an npy file that is read; NumPy's are some hundred bytes.
const HEADER: usize = 4096;

/// `x=FILE.npy`: the name and its value.
pub(crate) fn read(text: &str) -> Result<(String, Constant), Failure> {
    let Some((name, path)) = text.split_once('=').map(|(n, p)| (n.trim(), p.trim())) else {
        return Err(Failure::Usage(format!(
            "`{text}`: a name and a file are expected\n   help: --data x=x.npy"
        )));
    };
    let (path, member) = match path.rsplit_once(".npz:") {
        Some((stem, member)) => (format!("{stem}.npz"), Some(member)),
        None => (path.to_string(), None),
    };
    let lower = path.to_ascii_lowercase();
    let bytes = input::data(&path)?;
    let value = if lower.ends_with(".npy") {
        npy(&path, &bytes)?
    } else if lower.ends_with(".npz") {
        npz(&path, bytes, name, member)?
    } else if lower.ends_with(".csv") {
        csv(&path, &bytes)?
    } else {
        return Err(Failure::Data(format!(
            "{path}: the name of a file of numbers ends in .npy, .npz or .csv"
        )));
    };
    Ok((name.to_string(), value))
}

fn wrong(path: &str, what: impl std::fmt::Display) -> Failure {
    Failure::Data(format!("{path}: {what}"))
}

/// An array of NumPy's. Everything that sizes memory is checked before it is believed.
fn npy(path: &str, bytes: &[u8]) -> Result<Constant, Failure> {
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            u32::from_le_bytes([*a, *b, *c, *d]) as usize
        }
        _ => return Err(wrong(path, "this is no npy file")),
    };
    if length > HEADER {
        return Err(wrong(path, format!("the header is {length} bytes long, at most {HEADER} are read")));
    }
    let file = NpyFile::new(bytes).map_err(|error| wrong(path, error))?;
    let shape = file.shape().iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<usize>, _>>();
    let shape = shape.map_err(|error| wrong(path, error))?;
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= bytes.len());
    let Some(count) = count else {
        return Err(wrong(path, format!("shape {shape:?} promises more entries than the file has bytes")));
    };
    let order = file.header().order();
    let data = entries(path, file)?;
    if data.len() != count {
        return Err(wrong(path, format!("{} entries where shape {shape:?} has {count}", data.len())));
    }
    let data = if order == Order::Fortran { row_major(&shape, &data) } else { data };
    Ok(Constant { shape, data })
}

/// The entries as doubles, in the order of the file.
fn entries(path: &str, file: NpyFile<&[u8]>) -> Result<Vec<f64>, Failure> {
    let dtype = file.dtype();
    let DType::Plain(kind) = &dtype else {
        return Err(wrong(path, "records are no array of numbers"));
    };
    let name = kind.to_string();
    macro_rules! all {
        ($ty:ty, $convert:expr) => {
            file.into_vec::<$ty>().map(|v| v.into_iter().map($convert).collect())
        };
    }
    let read: std::io::Result<Vec<f64>> = match name.trim_start_matches(['<', '>', '|', '=']) {
        "f8" => all!(f64, |x| x),
        "f4" => all!(f32, f64::from),
        "i8" => all!(i64, |x| x as f64),
        "i4" => all!(i32, f64::from),
        "i2" => all!(i16, f64::from),
        "i1" => all!(i8, f64::from),
        "u8" => all!(u64, |x| x as f64),
        "u4" => all!(u32, f64::from),
        "u2" => all!(u16, f64::from),
        "u1" => all!(u8, f64::from),
        "b1" => all!(bool, |x| f64::from(u8::from(x))),
        _ => {
            return Err(wrong(
                path,
                format!("entries of type {name} are not read\n   help: save it as float64"),
            ));
        }
    };
    read.map_err(|error| wrong(path, error))
}

/// Entries in column-major order, reordered.
fn row_major(shape: &[usize], data: &[f64]) -> Vec<f64> {
    let mut strides = vec![1usize; shape.len()];
    for k in 1..shape.len() {
        strides[k] = strides[k - 1] * shape[k - 1];
    }
    let mut at = vec![0usize; shape.len()];
    let mut out = Vec::with_capacity(data.len());
    for _ in 0..data.len() {
        out.push(data[at.iter().zip(&strides).map(|(a, s)| a * s).sum::<usize>()]);
        for k in (0..shape.len()).rev() {
            at[k] += 1;
            if at[k] < shape[k] {
                break;
            }
            at[k] = 0;
        }
    }
    out
}

/// One array of an npz archive: the one that is named, else the one called like the name, else the only one.
fn npz(path: &str, bytes: Vec<u8>, name: &str, member: Option<&str>) -> Result<Constant, Failure> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| wrong(path, error))?;
    let names: Vec<String> = archive.file_names().map(str::to_string).collect();
    let stem = |file: &str| file.strip_suffix(".npy").unwrap_or(file).to_string();
    let wanted = member.unwrap_or(name);
    let found = names.iter().find(|n| stem(n) == wanted);
    let found = match (found, member, &names[..]) {
        (Some(found), _, _) => found,
        (None, None, [only]) => only,
        _ => {
            let all: Vec<String> = names.iter().map(|n| stem(n)).collect();
            return Err(wrong(
                path,
                format!(
                    "there is no array {wanted}\n   help: --data {name}={path}:NAME with one of {}",
                    all.join(", ")
                ),
            ));
        }
    };
    let mut all = Vec::new();
    let file = archive.by_name(found).map_err(|error| wrong(path, error))?;
    let limit = input::DATA_LIMIT;
    file.take(limit + 1).read_to_end(&mut all).map_err(|error| wrong(path, error))?;
    if all.len() as u64 > limit {
        return Err(wrong(path, format!("{found} is longer than {} MiB, which is the limit", limit >> 20)));
    }
    npy(&format!("{path}:{}", stem(found)), &all)
}

/// A table of numbers: rows by columns, one axis when there is one column or one row. A first line of words is skipped.
fn csv(path: &str, bytes: &[u8]) -> Result<Constant, Failure> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(bytes);
    let mut data: Vec<f64> = Vec::new();
    let (mut rows, mut columns) = (0usize, 0usize);
    for (k, record) in reader.records().enumerate() {
        let record = record.map_err(|error| wrong(path, error))?;
        let line = record.position().map_or(k as u64 + 1, ::csv::Position::line);
        let cells: Result<Vec<f64>, &str> =
            record.iter().map(|cell| cell.parse::<f64>().map_err(|_| cell)).collect();
        let cells = match cells {
            Ok(cells) => cells,
            Err(_) if rows == 0 && k == 0 => continue,
            Err(cell) => return Err(wrong(path, format!("line {line}: `{cell}` is no number"))),
        };
        if rows > 0 && cells.len() != columns {
            return Err(wrong(
                path,
                format!("line {line} has {} numbers, the lines before {columns}", cells.len()),
            ));
        }
        columns = cells.len();
        rows += 1;
        data.extend(cells);
    }
    let shape = match (rows, columns) {
        (0, _) => vec![0],
        (1, n) | (n, 1) => vec![n],
        (m, n) => vec![m, n],
    };
    Ok(Constant { shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_vectors_or_matrices() {
        let read = |text: &str| csv("a.csv", text.as_bytes()).map(|c| (c.shape, c.data));
        assert_eq!(read("a,b\n1,2\n3,4\n").unwrap(), (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(read("1\n2\n").unwrap(), (vec![2], vec![1.0, 2.0]));
        assert_eq!(read("1, nan, -inf").unwrap().0, [3]);
        assert_eq!(read("").unwrap().0, [0]);
        assert!(read("1,2\n3\n").unwrap_err().text().contains("line 2 has 1 numbers"));
        assert!(read("1\nx\n").unwrap_err().text().contains("`x` is no number"));
    }

    #[test]
    fn columns_first_becomes_rows_first() {
        assert_eq!(row_major(&[2, 3], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(row_major(&[], &[7.0]), [7.0]);
    }

    #[test]
    fn a_lying_header_is_refused() {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 99999999), }\n";
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        assert!(npy("a.npy", &file).unwrap_err().text().contains("promises more entries"));
        assert!(npy("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f").unwrap_err().text().contains("at most"));
        assert!(npy("a.npy", b"hello").unwrap_err().text().contains("no npy file"));
    }
}
