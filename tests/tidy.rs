//! The house rules that a machine can check: floors, reasons, file sizes, first lines, portable paths.
//!
//! A floor imports only from floors below it, and its own floor's crates do not know each other. The table
//! [`FLOORS`] is the plan; the manifests are the fact.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate and its floor; the table of `docs/architecture.md`.
const FLOORS: [(&str, u8); 10] = [
    ("chainrule-core", 0),
    ("chainrule-check", 1),
    ("chainrule-exec", 1),
    ("chainrule-export", 1),
    ("chainrule-golden", 1),
    ("chainrule-nn", 2),
    ("chainrule-lang", 2),
    ("chainrule-report", 3),
    ("chainrule-cli", 4),
    ("chainrule", 5),
];

/// A file that is longer no longer fits in a sitting.
const LINES: usize = 700;

/// One line of a manifest that names a dependency.
#[derive(Debug, PartialEq)]
struct Dependency {
    name: String,
    line: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project that is ours, as a path from its root.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder && !["target", ".git"].map(Path::new).contains(&path.as_path()) {
                folders.push(path);
            } else if !is_folder && path != Path::new(".git") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn manifests() -> Vec<PathBuf> {
    let manifests: Vec<PathBuf> = files().into_iter().filter(|path| path.ends_with("Cargo.toml")).collect();
    assert!(manifests.len() > 1, "the crates of the workspace are found");
    manifests
}

/// The dependencies of a manifest in the tables whose header `wanted` accepts.
///
/// Reads what manifests here look like: one dependency a line, or a table of its own.
fn dependencies(manifest: &str, wanted: impl Fn(&str) -> bool) -> Vec<Dependency> {
    let (mut found, mut header) = (Vec::new(), String::new());
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            header = table.split(']').next().unwrap_or("").to_string();
            if let Some((table, name)) = header.rsplit_once('.').filter(|(table, _)| wanted(table)) {
                assert!(!table.is_empty());
                found.push(Dependency { name: unquoted(name), line: line.to_string() });
            }
        } else if wanted(&header) && !line.is_empty() && !line.starts_with('#') && line.contains('=') {
            let key = line.split(['=', '.', ' ']).next().unwrap_or(line);
            // A renamed dependency is known by the package it names.
            let package = line.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
            found.push(Dependency { name: unquoted(package.unwrap_or(key)), line: line.to_string() });
        }
    }
    found
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').to_string()
}

/// `dependencies`, `dev-dependencies`, `build-dependencies`, those of a target too; not the workspace's table.
fn is_import(header: &str) -> bool {
    header.ends_with("dependencies") && header != "workspace.dependencies"
}

fn package_name(manifest: &str) -> Option<String> {
    let package = manifest.split("[package]").nth(1)?.split("\n[").next()?;
    let line = package.lines().find(|line| line.starts_with("name"))?;
    line.split('"').nth(1).map(str::to_string)
}

/// What a crate imports against the plan, one sentence each.
fn broken_floors(name: &str, manifest: &str) -> Vec<String> {
    let floors: BTreeMap<&str, u8> = FLOORS.into();
    let Some(&floor) = floors.get(name) else {
        return vec![format!("`{name}` stands on no floor: add it to the table in tests/tidy.rs")];
    };
    let ours = |found: &Dependency| found.name == "chainrule" || found.name.starts_with("chainrule-");
    let judge = |found: Dependency| match floors.get(found.name.as_str()) {
        None => Some(format!("`{name}` imports `{}`, which stands on no floor", found.name)),
        Some(&below) if below < floor => None,
        Some(&same) if same == floor => Some(format!(
            "`{name}` imports `{}`: both stand on floor {floor}, and crates of one floor do not know each other",
            found.name
        )),
        Some(&above) => Some(format!(
            "`{name}` (floor {floor}) imports `{}` (floor {above}): imports go down only",
            found.name
        )),
    };
    dependencies(manifest, is_import).into_iter().filter(ours).filter_map(judge).collect()
}

fn assert_none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn imports_go_down_only() {
    let judge = |path: PathBuf| {
        let manifest = read(&path);
        package_name(&manifest).map_or_else(Vec::new, |name| broken_floors(&name, &manifest))
    };
    assert_none(manifests().into_iter().flat_map(judge).collect());
}

#[test]
fn every_dependency_states_its_reason() {
    let manifest = read(Path::new("Cargo.toml"));
    let all = dependencies(&manifest, |header| header == "workspace.dependencies");
    assert!(all.len() > 5, "the table is found");
    let reason = |line: &str| line.rsplit_once('#').is_some_and(|(_, reason)| reason.trim().len() > 3);
    let silent = all.iter().filter(|found| !reason(&found.line));
    assert_none(
        silent.map(|found| format!("`{}` has no reason beside its line in Cargo.toml", found.name)).collect(),
    );
}

#[test]
fn dependencies_are_stated_once() {
    let stray = |path: PathBuf| {
        let elsewhere = dependencies(&read(&path), is_import).into_iter();
        let stray = elsewhere.filter(|found| !found.line.replace(' ', "").contains("workspace=true"));
        stray
            .map(|d| format!("{}: `{}` is not inherited from the workspace", path.display(), d.name))
            .collect::<Vec<_>>()
    };
    assert_none(manifests().into_iter().flat_map(stray).collect());
}

#[test]
fn files_fit_in_a_sitting() {
    let sources = files().into_iter().filter(|path| has_extension(path, "rs") && path.starts_with("crates"));
    let sources = sources.filter(|path| path.iter().nth(2).is_some_and(|folder| folder == "src"));
    let long = sources.map(|path| (read(&path).lines().count(), path)).filter(|(lines, _)| *lines > LINES);
    assert_none(
        long.map(|(lines, path)| format!("{}: {lines} lines, {LINES} at most", path.display())).collect(),
    );
}

#[test]
fn every_module_says_what_it_is() {
    let modules = files().into_iter().filter(|path| has_extension(path, "rs"));
    let silent = modules.filter(|path| !read(path).starts_with("//!"));
    assert_none(silent.map(|path| format!("{}: does not begin with `//!`", path.display())).collect());
}

/// Why a line would not mean the same on another machine, if it would not.
fn tied_to_a_machine(line: &str) -> Option<&'static str> {
    // Spelled in two pieces, because this file is checked too.
    let folders =
        ["ho me/", "ro ot/", "tm p/", "wo rk/", "Us ers/", "us r/", "va r/", "op t/", "mn t/", "pro c/"];
    let is_path = |start: &str| {
        let start = format!("/{}", start.replace(' ', ""));
        let opens =
            |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}/*<>)".contains(c));
        line.match_indices(&start).any(|(at, _)| opens(at))
    };
    if !line.starts_with("#!") && folders.iter().any(|start| is_path(start)) {
        return Some("an absolute path");
    }
    let hosts =
        ["crates .io", "regis try", "in dex.", "pyp i", "np mjs", "mir ror", "pro xy", "arti factory"];
    let url =
        line.split("://").nth(1).map(|rest| rest.split(['/', '"', ' ', ')', '>']).next().unwrap_or(rest));
    let is_registry = |host: &str| hosts.iter().any(|part| host.contains(&part.replace(' ', "")));
    url.is_some_and(is_registry).then_some("the host of a registry")
}

#[test]
fn nothing_is_tied_to_a_machine() {
    let judge = |path: PathBuf| {
        // The lock file names the registry by its public address; cargo writes it.
        let text =
            if path == Path::new("Cargo.lock") { None } else { fs::read_to_string(root().join(&path)).ok() };
        let text = text.unwrap_or_default();
        let lines = text.lines().enumerate();
        let found = lines.filter_map(|(at, line)| Some((at + 1, tied_to_a_machine(line)?)));
        found.map(|(at, what)| format!("{}:{at}: {what}", path.display())).collect::<Vec<_>>()
    };
    assert_none(files().into_iter().flat_map(judge).collect());
}

/// The lines of a table of lints, `unsafe_code` left out.
fn lints(manifest: &str, header: &str) -> Vec<String> {
    let table = manifest.split(&format!("\n[{header}]\n")).nth(1).unwrap_or("");
    let table = table.split("\n[").next().unwrap_or("");
    let lines = table.lines().map(str::trim);
    let lines = lines.filter(|line| line.contains('=') && !line.starts_with("unsafe_code"));
    lines.map(str::to_string).collect()
}

/// `unsafe` is a matter of the executor alone: it denies the word and argues for each exception; all others forbid it.
#[test]
fn unsafe_code_lives_in_exec_only() {
    let workspace = read(Path::new("Cargo.toml"));
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let judge = |path: PathBuf| {
        let manifest = read(&path);
        let name = package_name(&manifest)?;
        if name != "chainrule-exec" {
            let inherits = manifest.contains("[lints]\nworkspace = true");
            return (!inherits).then(|| format!("`{name}` does not inherit the lints of the workspace"));
        }
        let same = |table: &str| {
            let ours = lints(&manifest, &format!("lints.{table}"));
            !ours.is_empty() && ours == lints(&workspace, &format!("workspace.lints.{table}"))
        };
        let copied = same("rust") && same("clippy") && manifest.contains("unsafe_code = \"deny\"");
        (!copied)
            .then(|| format!("the lints of `{name}` are not the workspace's with `unsafe_code = \"deny\"`"))
    };
    assert_none(manifests().into_iter().filter_map(judge).collect());
}

// The rules themselves.

#[test]
fn a_broken_floor_is_named() {
    let sentence = |name, manifest| broken_floors(name, manifest).join("; ");
    let up = sentence("chainrule-core", "[dependencies]\nchainrule-nn.workspace = true\n");
    assert_eq!(up, "`chainrule-core` (floor 0) imports `chainrule-nn` (floor 2): imports go down only");
    let beside = sentence("chainrule-golden", "[dev-dependencies]\nchainrule-exec = { path = \"../exec\" }");
    assert!(beside.contains("both stand on floor 1"), "{beside}");
    let table = sentence("chainrule-nn", "[dependencies.chainrule-cli]\nworkspace = true");
    assert!(table.contains("(floor 2) imports `chainrule-cli` (floor 4)"), "{table}");
    let renamed = sentence("chainrule-core", "[dependencies]\nx = { package = \"chainrule-report\" }");
    assert!(renamed.contains("`chainrule-report` (floor 3)"), "{renamed}");
    let target =
        sentence("chainrule-core", "[target.'cfg(unix)'.dependencies]\nchainrule-nn.workspace = true");
    assert!(target.contains("imports go down only"), "{target}");
    assert!(sentence("chainrule-new", "").contains("stands on no floor"));
    assert!(
        sentence("chainrule-core", "[dependencies]\nchainrule-new.workspace = true").contains("no floor")
    );
    assert_eq!(
        sentence("chainrule-report", "[dependencies]\nchainrule-nn.workspace = true\nchainrule-core = {}\n"),
        ""
    );
}

#[test]
fn paths_and_hosts_are_recognised() {
    let spelled = |text: &str| text.replace('~', "");
    for line in [
        "open \"/ho~me/me/x\"",
        "cd /t~mp/x",
        "see https://in~dex.cra~tes.io/x",
        "http://regi~stry.npm~js.org",
    ] {
        assert!(tied_to_a_machine(&spelled(line)).is_some(), "{line}");
    }
    let fine =
        ["#!/us~r/bin/env bash", "crates/ho~me/x", "target/t~mp/x", "https://example.org/chainrule", "a / b"];
    for line in fine {
        assert_eq!(tied_to_a_machine(&spelled(line)), None, "{line}");
    }
}
