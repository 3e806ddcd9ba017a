//! Diagnosis: the slip that gives exactly the claim.
//!
//! The derivation is replayed with one rule replaced by a wrong one from the catalogue. A candidate is compared at
//! the counterexample first, which costs little, and then by proof or at many points.

use crate::canon::Assumed;
use crate::catalogue::{WRONG_RULES, WrongRule};
use crate::check::{Proof, prove};
use crate::compare::{Outcome, Pair};
use crate::point::{Pattern, Point, Space};
use crate::question::Question;
use crate::report::Slip;
use crate::slips;
use chainrule_core::dice::Dice;
use chainrule_core::graph::Graph;
use chainrule_core::node::NodeId;
use chainrule_core::ops::map::MAPS;
use chainrule_core::ops::rules::{PRIMITIVES, Rules, rule_name};
use chainrule_core::{Error, Result};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Names of the rules that can be replaced; with those of composites, their bodies stay closed.
fn rule_names(closed: bool) -> Vec<&'static str> {
    let composites = chainrule_core::ops::composite::COMPOSITES.iter().map(|c| c.primitive.name);
    let maps = MAPS.iter().map(|m| m.name);
    PRIMITIVES.iter().map(|p| p.name).chain(maps).chain(composites.filter(|_| closed)).collect()
}

/// The nodes that a derivation differentiates, in its order, with the names of their rules.
fn steps(g: &mut Graph, q: &Question<'_>, closed: bool) -> Vec<(NodeId, &'static str)> {
    let Some(replay) = q.replay else { return Vec::new() };
    let seen: Arc<Mutex<Vec<(NodeId, &'static str)>>> = Arc::default();
    let mut rules = Rules::new();
    for name in rule_names(closed) {
        let seen = seen.clone();
        rules = rules.replace(name, move |g, y, _, entry| {
            let mut seen = seen.lock().map_err(|_| Error::OtherGraph)?;
            let step = (y, rule_name(g, y));
            if !seen.contains(&step) {
                seen.push(step);
            }
            Ok(entry)
        });
    }
    if replay(g, &rules).is_err() {
        return Vec::new();
    }
    let seen = seen.lock().map(|s| s.clone());
    seen.unwrap_or_default()
}

/// Compares candidates with the claim.
struct Judge<'a, 'q> {
    q: &'a Question<'q>,
    point: &'a Point,
    deadline: Instant,
}

impl Judge<'_, '_> {
    fn late(&self) -> bool {
        Instant::now() > self.deadline
    }

    fn fits(&self, g: &Graph, candidate: NodeId) -> bool {
        if g.ty(candidate).shape != g.ty(self.q.claimed).shape || self.late() {
            return false;
        }
        if candidate == self.q.claimed {
            return true;
        }
        let pair = Pair::new(g, self.q.claimed, candidate, self.q.assume, self.q.budget.entries);
        if !matches!(pair.at(g, self.point), Outcome::Equal) {
            return false;
        }
        match prove(g, self.q.claimed, candidate, Assumed::default(), self.q.budget.steps / 4, self.deadline)
        {
            Proof::Equal(_) => true,
            _ => self.agrees(g, &pair, candidate),
        }
    }

    /// Agreement at random points of several sizes.
    fn agrees(&self, g: &Graph, pair: &Pair, candidate: NodeId) -> bool {
        let space = Space::new(g, &[self.q.claimed, candidate]);
        let mut dice = Dice::new(5);
        let mut usable = 0;
        for sizes in space.assignments() {
            for pattern in [Pattern::Readable, Pattern::Random, Pattern::Random] {
                let Some(point) = space.point(&sizes, pattern, &mut dice, self.q.budget.entries) else {
                    continue;
                };
                match pair.at(g, &point) {
                    Outcome::Equal => usable += 1,
                    Outcome::Differ { .. } => return false,
                    _ => {}
                }
            }
        }
        usable >= 4
    }
}

/// The rules with some of them replaced by wrong ones, everywhere or at one node only.
fn replaced(wrong: &[(&'static WrongRule, Option<NodeId>)]) -> Rules {
    let mut rules = Rules::new();
    for &(rule, only) in wrong {
        rules = rules.replace(rule.rule, move |g, y, k, entry| -> Result<_> {
            if only.is_none_or(|node| node == y) { rule.change.applied(g, y, k, entry) } else { Ok(entry) }
        });
    }
    rules
}

fn slip(rule: &WrongRule, step: Option<(usize, usize)>) -> Slip {
    Slip {
        name: rule.name,
        tag: rule.tag(),
        right: rule.right,
        wrong: rule.wrong,
        sentence: rule.sentence.to_string(),
        step,
        with: None,
    }
}

/// All slips that give the claim, most specific first; a pair of slips only where none fits alone.
pub(crate) fn slips_of(
    g: &mut Graph,
    q: &Question<'_>,
    point: &Point,
    sizes: &[Arc<str>],
    deadline: Instant,
) -> Vec<Slip> {
    let judge = Judge { q, point, deadline };
    let (opened, closed) = (steps(g, q, false), steps(g, q, true));
    let position = |name: &str, node: Option<NodeId>| {
        let find = |steps: &[(NodeId, &'static str)]| {
            let k = steps.iter().position(|(y, n)| *n == name && node.is_none_or(|node| node == *y))?;
            Some((k + 1, steps.len()))
        };
        find(&opened).or_else(|| find(&closed))
    };
    let steps: Vec<(NodeId, &'static str)> = opened.iter().chain(&closed).copied().collect();
    let relevant: Vec<&'static WrongRule> =
        WRONG_RULES.iter().filter(|w| steps.iter().any(|(_, n)| *n == w.rule)).collect();
    let mut found: Vec<Slip> = Vec::new();
    for rule in &relevant {
        if judge.late() {
            return found;
        }
        let derived = q.replay.and_then(|replay| replay(g, &replaced(&[(rule, None)])).ok());
        if derived.is_some_and(|d| judge.fits(g, d)) {
            found.push(slip(rule, position(rule.rule, None)));
            continue;
        }
        let places: Vec<NodeId> = steps.iter().filter(|(_, n)| *n == rule.rule).map(|(y, _)| *y).collect();
        for &node in places.iter().take(8).filter(|_| places.len() > 1) {
            let derived = q.replay.and_then(|replay| replay(g, &replaced(&[(rule, Some(node))])).ok());
            if derived.is_some_and(|d| judge.fits(g, d)) {
                found.push(slip(rule, position(rule.rule, Some(node))));
                break;
            }
        }
    }
    for candidate in slips::candidates(g, q.derived, sizes) {
        if judge.fits(g, candidate.node) && !found.iter().any(|s| s.name == candidate.name) {
            found.push(Slip {
                name: candidate.name,
                tag: candidate.tag,
                right: "",
                wrong: "",
                sentence: candidate.sentence,
                step: None,
                with: None,
            });
        }
    }
    if !found.is_empty() {
        return found;
    }
    for (k, first) in relevant.iter().enumerate() {
        for second in &relevant[k + 1..] {
            if judge.late() || first.rule == second.rule {
                continue;
            }
            let rules = replaced(&[(first, None), (second, None)]);
            let derived = q.replay.and_then(|replay| replay(g, &rules).ok());
            if derived.is_some_and(|d| judge.fits(g, d)) {
                let other = slip(second, position(second.rule, None));
                let mut both = slip(first, position(first.rule, None));
                both.with = Some(Box::new(other));
                found.push(both);
            }
        }
    }
    found
}
