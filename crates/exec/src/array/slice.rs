//! Slices: an elementwise array that is read in pieces is computed piece by piece.
//!
//! Gates of a cell are one array of `4 n` entries of which each use reads `n`: `g[i + 2n]`. Written as loops over `4 n`
//! positions, no two of these loops have the same counter, so every gate passes through memory. With a piece for each
//! gate everything runs over `n` positions, in one loop. A concatenation that is read in pieces vanishes altogether:
//! conditions on the position are decided inside each piece.

use super::{Array, ArrayId, Arrays, At, Atom, Body, Definition, Factor, Guard, Nest, view};

/// A run of positions of an axis.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    base: i64,
    extent: usize,
}

/// Who reads an array: a nest, and the place of the read among its reads.
type Reader = (usize, usize);

/// Splits arrays into the pieces that are read; numbers change, operands stay before their users.
pub fn split(arrays: Arrays) -> Arrays {
    let count = arrays.arrays.len();
    let Arrays { arrays: mut table, inputs, outputs, recurrences, names } = arrays;
    let mut whole = vec![false; count];
    outputs.iter().for_each(|o| whole[o.index()] = true);
    let mut readers: Vec<Vec<Reader>> = vec![Vec::new(); count];
    // Pieces get numbers behind all arrays, and a place before the array that they are of.
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); count];
    // Users before operands: a piece reads pieces of what it is computed from.
    for k in (0..count).rev() {
        if let Some((axis, pieces, apart)) = pieces(&table, k, &readers[k], whole[k]) {
            for piece in pieces {
                let nest = table[k].as_nest().expect("invariant: only nests are split");
                let Some(part) = part(nest, axis, piece, !apart) else { continue };
                let id = ArrayId(table.len() as u32);
                let shape = part.extents.clone();
                let entry = table[k].entry;
                let number = table.len();
                note(&part, number, &mut readers, &mut whole);
                table.push(Array { shape, entry, definition: Definition::Nest(part) });
                places[k].push(number);
                for &(reader, place) in &readers[k] {
                    let Definition::Nest(user) = &mut table[reader].definition else { continue };
                    let extents = user.extents.clone();
                    let Some(read) = user.body.reads_mut().nth(place) else { continue };
                    if read.array.index() == k && as_piece(&read.at[axis], &extents) == Some(piece) {
                        read.array = id;
                        read.at[axis].base -= piece.base;
                    }
                }
            }
        }
        // What nobody reads any more reads nothing.
        let Definition::Nest(nest) = &table[k].definition else {
            table[k].definition.each_operand(&mut |a| whole[a.index()] = true);
            continue;
        };
        let read = |&(reader, place): &Reader| {
            let user = table[reader].as_nest();
            user.and_then(|n| n.body.reads().nth(place)).is_some_and(|r| r.array.index() == k)
        };
        if whole[k] || readers[k].iter().any(read) {
            note(nest, k, &mut readers, &mut whole);
        }
    }
    if table.len() == count {
        return Arrays { arrays: table, inputs, outputs, recurrences, names };
    }
    order(Arrays { arrays: table, inputs, outputs, recurrences, names }, &places)
}

/// Notes what a nest reads, and what it reads in another way than as a term's operand.
fn note(nest: &Nest, number: usize, readers: &mut [Vec<Reader>], whole: &mut [bool]) {
    for (place, read) in nest.body.reads().enumerate() {
        if let Some(readers) = readers.get_mut(read.array.index()) {
            readers.push((number, place));
        }
        read.at.iter().for_each(|t| t.each_array(&mut |a| whole[a.index()] = true));
    }
    if let Body::Count(at) = &nest.body {
        at.each_array(&mut |a| whole[a.index()] = true);
    }
    nest.each_guard(&mut |guard| {
        if let Guard::Holds(array, ..) = guard {
            whole[array.index()] = true;
        }
        guard.indices().iter().for_each(|t| t.each_array(&mut |a| whole[a.index()] = true));
    });
}

/// The first axis that some reader reads a proper piece of, the pieces that are read, and whether they are all that is
/// read, each entry once; else only pieces that are views cost nothing more.
fn pieces(table: &[Array], k: usize, readers: &[Reader], whole: bool) -> Option<(usize, Vec<Piece>, bool)> {
    let nest = table[k].as_nest()?;
    if nest.free < nest.extents.len() || readers.is_empty() {
        return None;
    }
    let splits = |axis: usize| {
        let mut pieces: Vec<Piece> = read_pieces(table, k, axis, readers).flatten().collect();
        pieces.sort_unstable();
        pieces.dedup();
        pieces.retain(|p| p.extent < nest.extents[axis]);
        (!pieces.is_empty()).then_some((axis, pieces))
    };
    let (axis, pieces) = (0..nest.free).find_map(splits)?;
    let apart = !whole && covers(table, k, axis, readers);
    let concatenates = matches!(nest.body, Body::Sum(_) | Body::Product(_));
    (apart || concatenates).then_some((axis, pieces, apart))
}

/// Whether all is read in pieces that do not overlap: then nothing is computed twice.
fn covers(table: &[Array], k: usize, axis: usize, readers: &[Reader]) -> bool {
    let extent = table[k].shape[axis];
    let mut pieces = Vec::with_capacity(readers.len());
    for piece in read_pieces(table, k, axis, readers) {
        match piece {
            Some(piece) if piece.extent < extent => pieces.push(piece),
            _ => return false,
        }
    }
    pieces.sort_unstable();
    pieces.dedup();
    pieces.windows(2).all(|w| w[0].base + w[0].extent as i64 <= w[1].base)
}

/// What each reader of an array reads of an axis; `None` where that is no run of positions.
fn read_pieces<'t>(
    table: &'t [Array],
    k: usize,
    axis: usize,
    readers: &'t [Reader],
) -> impl Iterator<Item = Option<Piece>> + 't {
    let extent = table[k].shape[axis] as i64;
    readers.iter().filter_map(move |&(reader, place)| {
        let user = table[reader].as_nest()?;
        let read = user.body.reads().nth(place).filter(|read| read.array.index() == k)?;
        let inside = |p: &Piece| p.base >= 0 && p.base + p.extent as i64 <= extent;
        Some(as_piece(&read.at[axis], &user.extents).filter(inside))
    })
}

/// The positions at which a label and a number read.
fn as_piece(at: &At, extents: &[usize]) -> Option<Piece> {
    match at.parts.as_slice() {
        [(Atom::Label(l), 1)] => Some(Piece { base: at.base, extent: extents[*l] }),
        _ => None,
    }
}

/// The nest of a piece; `None` where it is wanted only as a view, and is none.
fn part(nest: &Nest, axis: usize, piece: Piece, view_only: bool) -> Option<Nest> {
    let by = |label: usize| {
        let mut at = At::label(label);
        at.base = if label == axis { piece.base } else { 0 };
        at
    };
    let mut part = nest.clone();
    part.extents[axis] = piece.extent;
    part.guards = nest.guards.iter().map(|g| g.substitute(&by)).collect();
    for read in part.body.reads_mut() {
        read.at.iter_mut().for_each(|t| *t = t.substitute(&by));
        read.guards.iter_mut().for_each(|g| *g = g.substitute(&by));
    }
    if let Body::Count(at) = &mut part.body {
        *at = at.substitute(&by);
    }
    simplify(&mut part);
    (!view_only || view::as_view(&part).is_some() || matches!(part.body, Body::Const(_))).then_some(part)
}

/// Drops conditions that always hold, and terms of sums whose conditions never do.
fn simplify(nest: &mut Nest) {
    let extents = nest.extents.clone();
    let open = |guard: &Guard| decided(guard, &extents) != Some(true);
    let never = |guards: &[Guard]| guards.iter().any(|g| decided(g, &extents) == Some(false));
    if never(&nest.guards) {
        nest.guards.clear();
        nest.body = Body::Const(0.0);
        return;
    }
    nest.guards.retain(open);
    for read in nest.body.reads_mut() {
        if !never(&read.guards) {
            read.guards.retain(open);
        }
    }
    let Body::Sum(terms) = &mut nest.body else { return };
    terms.retain(|(_, read)| !never(&read.guards));
    match &mut terms[..] {
        [] => nest.body = Body::Const(0.0),
        [(c, _)] if *c == 1.0 => {
            let (_, read) = terms.remove(0);
            nest.body = Body::Product(vec![Factor { read, power: 1, divides: false }]);
        }
        _ => {}
    }
}

/// Whether a condition holds at all positions, or at none.
fn decided(guard: &Guard, extents: &[usize]) -> Option<bool> {
    let (Guard::Zero(at) | Guard::NonNegative(at)) = guard else { return None };
    let (mut low, mut high) = (at.base, at.base);
    for (atom, slope) in &at.parts {
        let Atom::Label(label) = atom else { return None };
        let end = slope.checked_mul(extents[*label] as i64 - 1)?;
        low = low.checked_add(end.min(0))?;
        high = high.checked_add(end.max(0))?;
    }
    match guard {
        Guard::Zero(_) if low == 0 && high == 0 => Some(true),
        Guard::Zero(_) if low > 0 || high < 0 => Some(false),
        Guard::NonNegative(_) if low >= 0 => Some(true),
        Guard::NonNegative(_) if high < 0 => Some(false),
        _ => None,
    }
}

/// Puts pieces before the arrays that they are of.
fn order(arrays: Arrays, places: &[Vec<usize>]) -> Arrays {
    let Arrays { arrays: table, inputs, outputs, recurrences, names } = arrays;
    let order: Vec<usize> =
        places.iter().enumerate().flat_map(|(k, parts)| parts.iter().copied().chain([k])).collect();
    let mut new = vec![ArrayId(u32::MAX); table.len()];
    order.iter().enumerate().for_each(|(at, &old)| new[old] = ArrayId(at as u32));
    let name = |id: ArrayId| new[id.index()];
    let mut old: Vec<Option<Array>> = table.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(old.len());
    for k in order {
        let mut array = old[k].take().expect("invariant: every array has one place");
        array.definition.rename(&name);
        ordered.push(array);
    }
    Arrays {
        arrays: ordered,
        inputs: inputs.into_iter().map(|i| super::Input { array: name(i.array), ..i }).collect(),
        outputs: outputs.into_iter().map(name).collect(),
        recurrences,
        names: names.into_iter().map(|(id, text)| (name(id), text)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arrays, Definition, lower::lower, view};
    use chainrule_core::Graph;
    use chainrule_core::shape::Sizes;

    /// Extents of the nests after all.
    fn nests(text: &str) -> Vec<Vec<usize>> {
        let (graph, outputs) = Graph::from_text(text).unwrap();
        let mut arrays = lower(&graph, &outputs, &Sizes::new()).unwrap().prune();
        view::read_through(&mut arrays);
        let mut arrays: Arrays = super::split(arrays);
        view::read_through(&mut arrays);
        let arrays = arrays.prune();
        let extents =
            |d: &Definition| if let Definition::Nest(n) = d { Some(n.extents.to_vec()) } else { None };
        arrays.arrays.iter().filter_map(|a| extents(&a.definition)).collect()
    }

    #[test]
    fn gates_are_computed_one_by_one() {
        let text = "chainrule-graph 1
%0 : real[12] = input \"x\"
%1 : real[12] = map exp %0
%2 : real[4] = contract [4|] %1[#0]
%3 : real[4] = contract [4|] %1[#0+8]
%4 : real[4] = map tanh %2
%5 : real[4] = map tanh %3
%6 : real[4] = contract [4|] %4[#0] %5[#0]
output %6
";
        // Two pieces of the exponential, which leave the third out, two tangents, the product.
        assert_eq!(nests(text), vec![vec![4]; 5]);
    }

    #[test]
    fn pieces_that_overlap_would_be_computed_twice() {
        let text = "chainrule-graph 1
%0 : real[5] = input \"x\"
%1 : real[5] = map exp %0
%2 : real[4] = contract [4|] %1[#0] %1[#0+1]
output %2
";
        assert_eq!(nests(text), [vec![5], vec![4]]);
    }

    #[test]
    fn a_piece_of_a_concatenation_is_what_was_put_there() {
        let text = "chainrule-graph 1
%0 : real[4] = input \"x\"
%1 : real[4] = map exp %0
%2 : real[4] = map tanh %0
%3 : real[8] = contract [8|] %1[#0] where nonneg(-1*#0+3)
%4 : real[8] = contract [8|] %2[#0+-4] where nonneg(#0+-4)
%5 : real[8] = sum 1*%3 1*%4
%6 : real[4] = contract [4|] %0[#0] %5[#0+4]
output %6
";
        // Neither the other part nor the concatenation is there any more.
        assert_eq!(nests(text), [vec![4], vec![4]]);
        // Where it is wanted whole as well, it stays for that.
        assert_eq!(nests(&format!("{text}output %5\n")), [vec![4], vec![4], vec![8], vec![4]]);
    }
}
