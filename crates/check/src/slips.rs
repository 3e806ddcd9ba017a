//! Slips of the result: right rules, and a mistake while writing the answer down.

use chainrule_core::form::Product;
use chainrule_core::graph::Graph;
use chainrule_core::graph::op::Op;
use chainrule_core::index::{Atom, Label, Term};
use chainrule_core::node::NodeId;
use chainrule_core::rational::Rational;
use chainrule_core::simplify::Options;
use std::sync::Arc;

/// A candidate: name, tag, a sentence, and the formula that the slip gives.
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) sentence: String,
    pub(crate) node: NodeId,
}

/// Terms of a sum that are looked at one by one.
const TERMS: usize = 12;

/// What the right answer becomes by one slip, the most specific first.
pub(crate) fn candidates(g: &mut Graph, derived: NodeId, sizes: &[Arc<str>]) -> Vec<Candidate> {
    let mut list: Vec<Candidate> = Vec::new();
    let ty = g.ty(derived).clone();
    let mut push = |g: &Graph, name, tag, sentence: &str, node: NodeId| {
        if node != derived && g.ty(node).shape == ty.shape {
            list.push(Candidate { name, tag, sentence: sentence.to_string(), node });
        }
    };
    let flat = g.simplify(&[derived], &Options { budget: 10_000, conditional: false });
    let flat = flat.map_or(derived, |s| s.outputs[0]);
    let terms: Vec<(Rational, NodeId)> = match g.op(flat) {
        Op::Sum(c) => c.iter().cloned().zip(g.args(flat)).collect(),
        _ => vec![(Rational::from(1), flat)],
    };
    for k in 0..terms.len().min(TERMS) {
        let with = |g: &mut Graph, term: Option<(Rational, NodeId)>| {
            let mut others = terms.clone();
            match term {
                Some(t) => others[k] = t,
                None => {
                    others.remove(k);
                }
            }
            g.sum(&others, chainrule_core::shape::Type { below: None, ..ty.clone() }).ok()
        };
        let c = terms[k].0.clone();
        if terms.len() > 1 {
            if let Some(node) = with(g, Some((-&c, terms[k].1))) {
                push(g, "sign-of-a-term", "slip:sign", "One term has the wrong sign.", node);
            }
            if let Some(node) = with(g, None) {
                push(g, "term-missing", "slip:term", "One term is missing.", node);
            }
            if !c.is_one() && !(-&c).is_one() {
                let unit = Rational::from(if c.is_negative() { -1 } else { 1 });
                if let Some(node) = with(g, Some((unit, terms[k].1))) {
                    push(g, "factor-of-a-term", "slip:factor", "One term lacks its number factor.", node);
                }
            }
            for (n, d, sentence) in
                [(2, 1, "One term has a factor 2 too many."), (1, 2, "One term lacks a factor 2.")]
            {
                if let Some(node) = with(g, Some((&c * &Rational::new(n, d), terms[k].1))) {
                    push(g, "factor-of-a-term", "slip:factor", sentence, node);
                }
            }
            for size in sizes {
                let n = g.size(&chainrule_core::shape::Dim::size(size));
                let without = format!("One term lacks its factor 1/{size}, which belongs to a mean.");
                if let Some(node) = g.multiply(terms[k].1, n).ok().and_then(|t| with(g, Some((c.clone(), t))))
                {
                    push(g, "mean-as-sum", "slip:mean", &without, node);
                }
                let with_one = format!("One term has a factor 1/{size} too many, which belongs to a mean.");
                if let Some(node) = g.divide(terms[k].1, n).ok().and_then(|t| with(g, Some((c.clone(), t)))) {
                    push(g, "sum-as-mean", "slip:mean", &with_one, node);
                }
            }
            if terms.len() > 2 {
                let alone = g.sum(&terms[k..=k], chainrule_core::shape::Type { below: None, ..ty.clone() });
                if let Ok(node) = alone {
                    let sentence = "Only one term of the answer is there: what depends on the variable through a mean or a sum was held fixed.";
                    push(g, "terms-missing", "slip:term", sentence, node);
                }
            }
        }
        if !matches!(g.op(terms[k].1), Op::Contract(_)) {
            continue;
        }
        let product = g.as_product(terms[k].1);
        for (name, tag, sentence, changed) in of_product(&product) {
            let node = g.product(changed);
            if g.ty(node).shape == ty.shape
                && let Some(node) = with(g, Some((c.clone(), node)))
            {
                push(g, name, tag, &sentence, node);
            }
        }
    }
    for (name, tag, sentence, node) in of_inner_sums(g, derived, flat) {
        push(g, name, tag, sentence, node);
    }
    let rank = ty.rank();
    for a in 0..rank {
        for b in a + 1..rank {
            if ty.shape[a] == ty.shape[b] {
                let mut order: Vec<usize> = (0..rank).collect();
                order.swap(a, b);
                if let Ok(node) = g.transpose(derived, &order) {
                    push(
                        g,
                        "transpose",
                        "slip:transpose",
                        "Two indices of the answer are exchanged: a transpose is missing, or there is one too many.",
                        node,
                    );
                }
            }
        }
        if let Ok(total) = g.sum_axes(derived, &[a])
            && let Ok(node) = g.restore_axes(total, derived, &[a])
        {
            push(
                g,
                "sum-left",
                "slip:sum",
                "A sum over an index of the answer was left in: that index is fixed here, only its own term remains.",
                node,
            );
        }
    }
    let node = g.neg(derived);
    push(g, "sign", "slip:sign", "The sign of the whole answer is wrong.", node);
    for (n, d, sentence) in [
        (2, 1, "A factor 1/2 is missing (or a 2 too many)."),
        (1, 2, "A factor 2 is missing."),
        (-2, 1, "The sign is wrong, and a factor 1/2 is missing."),
        (-1, 2, "The sign is wrong, and a factor 2 is missing."),
    ] {
        let node = g.scale(&Rational::new(n, d), derived);
        push(g, "factor-two", "slip:factor", sentence, node);
    }
    for size in sizes {
        let n = g.size(&chainrule_core::shape::Dim::size(size));
        if let Ok(node) = g.multiply(derived, n) {
            push(
                g,
                "mean-as-sum",
                "slip:mean",
                &format!("A factor 1/{size} is missing: this is the derivative of the sum, not of the mean."),
                node,
            );
        }
        if let Ok(node) = g.divide(derived, n) {
            push(
                g,
                "sum-as-mean",
                "slip:mean",
                &format!("A factor 1/{size} too many: this is the derivative of the mean, not of the sum."),
                node,
            );
        }
    }
    list
}

/// Sums inside of the answer that are looked at.
const INNER: usize = 8;

/// Slips in one term of a sum that stands inside the answer, as in `x @ (p - t)`.
fn of_inner_sums(
    g: &mut Graph,
    derived: NodeId,
    flat: NodeId,
) -> Vec<(&'static str, &'static str, &'static str, NodeId)> {
    let mut list = Vec::new();
    let inner = |g: &Graph, node: NodeId| matches!(g.op(node), Op::Sum(c) if c.len() > 1);
    // The youngest first: they stand nearest to the answer.
    let mut sums = g.reachable(&[derived]);
    sums.sort();
    sums.retain(|&node| node != flat && inner(g, node));
    for &sum in sums.iter().rev().take(INNER) {
        let Op::Sum(c) = g.op(sum) else { continue };
        let terms: Vec<(Rational, NodeId)> = c.iter().cloned().zip(g.args(sum)).collect();
        let ty = g.ty(sum).clone();
        for k in 0..terms.len().min(TERMS) {
            let c = &terms[k].0;
            let mut variants =
                vec![("sign-of-a-term", "slip:sign", "One term has the wrong sign.", Some(-c))];
            variants.push(("term-missing", "slip:term", "One term is missing.", None));
            if !c.is_one() && !(-c).is_one() {
                let unit = Rational::from(if c.is_negative() { -1 } else { 1 });
                let sentence = "One term lacks its number factor.";
                variants.push(("factor-of-a-term", "slip:factor", sentence, Some(unit)));
            }
            for (name, tag, sentence, coefficient) in variants {
                let mut others = terms.clone();
                match coefficient {
                    Some(c) => others[k].0 = c,
                    None => {
                        others.remove(k);
                    }
                }
                if let Ok(other) = g.sum(&others, ty.clone())
                    && let Ok(answer) = g.substitute(&[derived], &[(sum, other)])
                {
                    list.push((name, tag, sentence, answer[0]));
                }
            }
        }
    }
    list
}

type Changed = (&'static str, &'static str, String, Product);

/// Slips within one product.
fn of_product(p: &Product) -> Vec<Changed> {
    let mut list: Vec<Changed> = Vec::new();
    for k in 0..p.conds.len() {
        if matches!(p.conds[k], chainrule_core::form::Cond::Zero(_)) {
            let mut q = p.clone();
            q.conds.remove(k);
            list.push((
                "delta-missing",
                "slip:delta",
                "A delta is missing: entries with different indices do not depend on each other.".into(),
                q,
            ));
            for shift in [1, -1] {
                let mut q = p.clone();
                q.conds[k] = q.conds[k].map(&mut |t| shifted_labels(t, shift));
                if q != *p {
                    list.push((
                        "label-off-by-one",
                        "slip:label",
                        "The label is off by one: labels count from 0.".into(),
                        q,
                    ));
                }
            }
            // A delta between two axes, with one of them exchanged for a third.
            for free in 0..p.free as u32 {
                for other in 0..p.free as u32 {
                    if free != other {
                        let mut q = p.clone();
                        q.conds[k] = q.conds[k]
                            .map(&mut |t| t.relabel(&|l| if l == Label(free) { Label(other) } else { l }));
                        if q.conds[k].terms().iter().all(|t| !t.parts().is_empty()) && q != *p {
                            list.push((
                                "delta-pair",
                                "slip:delta",
                                "The delta stands between the wrong pair of indices.".into(),
                                q,
                            ));
                        }
                    }
                }
            }
        } else {
            let mut q = p.clone();
            q.conds.remove(k);
            list.push(("condition-missing", "slip:mask", "A condition (a mask) is missing.".into(), q));
        }
    }
    for (k, a) in p.accesses.iter().enumerate() {
        for i in 0..a.at.len() {
            for j in i + 1..a.at.len() {
                let mut q = p.clone();
                q.accesses[k].at.swap(i, j);
                if q != *p && fits(&q) {
                    list.push(("index-swap", "slip:index", "Two indices of a factor are exchanged: a transpose is missing, or there is one too many.".into(), q));
                }
            }
        }
        let mut q = p.clone();
        q.accesses.remove(k);
        list.push((
            "factor-missing",
            "slip:chain",
            "A factor is missing: the inner derivative of the chain rule, or the other factor of a product."
                .into(),
            q,
        ));
        let mut q = p.clone();
        q.accesses[k].power += 1;
        list.push(("exponent", "slip:exponent", "An exponent is one too high.".into(), q));
    }
    for bound in p.bound() {
        for free in 0..p.free as u32 {
            if p.extents[bound.0 as usize] == p.extents[free as usize] {
                let mut q = p.clone();
                q.map_terms(&mut |t| t.relabel(&|l| if l == bound { Label(free) } else { l }));
                let mut extents = q.extents.clone();
                extents.remove(bound.0 as usize);
                let q = q.relabel(extents, p.free, &|l| if l > bound { Label(l.0 - 1) } else { l });
                list.push((
                    "sum-dropped",
                    "slip:sum",
                    "A sum is missing: its index was taken for an index of the answer.".into(),
                    q,
                ));
            }
        }
    }
    list
}

/// Every label stands on axes of one extent only where the caller's types allow it; the constructors refuse the rest.
fn fits(p: &Product) -> bool {
    p.accesses.iter().all(|a| {
        let extents: Vec<_> =
            a.at.iter().filter_map(Term::as_label).map(|l| &p.extents[l.0 as usize]).collect();
        extents.len() < 2 || extents.windows(2).all(|w| w[0] == w[1])
    })
}

/// Entries of integer tensors moved by one.
fn shifted_labels(t: &Term, by: i64) -> Term {
    let mut total = t.clone();
    for (atom, c) in t.parts() {
        if matches!(atom, Atom::Element(..)) {
            total = total + Term::constant(by).scaled(c);
        }
    }
    total
}
