//! The sizes of every problem, from the file that the scripts of the rivals read as well.

use serde_json::Value;

/// One of the sets of `cases.json`.
pub(crate) struct Cases(Value);

impl Cases {
    /// `small` for tests, `quick`, `full`, `variants`.
    pub(crate) fn read(set: &str) -> Cases {
        let all: Value = serde_json::from_str(include_str!("cases.json")).expect("cases.json is JSON");
        Cases(all[set].clone())
    }

    /// The cases of a problem.
    pub(crate) fn of(&self, problem: &str) -> Vec<Case> {
        let list =
            self.0[problem].as_array().unwrap_or_else(|| panic!("cases.json has the problem {problem}"));
        list.iter().cloned().map(Case).collect()
    }
}

/// The sizes of one measurement.
#[derive(Clone)]
pub(crate) struct Case(Value);

impl Case {
    /// What rows call it.
    pub(crate) fn label(&self) -> Value {
        self.0["n"].clone()
    }

    pub(crate) fn number(&self, name: &str) -> usize {
        let number = self.0[name].as_u64().unwrap_or_else(|| panic!("{} has the number {name}", self.0));
        number as usize
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<usize> {
        let list = self.0[name].as_array().unwrap_or_else(|| panic!("{} has the list {name}", self.0));
        list.iter().map(|n| n.as_u64().expect("a whole number") as usize).collect()
    }

    /// A word, empty where the case has none.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or("")
    }
}
