//! A program as one list of instructions: loops are opened and closed by marks, and every value has its own name.
//!
//! Loops that are unrolled, the vectors left over by an unrolled loop, and the tail of a lane loop are copies of the
//! body whose counters are numbers, so that an address is a pointer that real loops advance, plus a number.

use crate::lane::program::{Binary, Buffer, Comparison, Fold, Function, Precision, Test, Unary};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// No value.
pub(super) const NONE: u32 = u32::MAX;

/// What an instruction does; numbers are places in the tables of [`Flat`].
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Act {
    /// Was folded into another instruction.
    Nothing,
    /// Numbers at an access.
    Load(u32),
    /// Integers at an access, as numbers.
    LoadInt(u32),
    /// The integer of an access without buffer, as a number.
    Count(u32),
    /// A mask from the integer of an access without buffer.
    Test(Test, u32),
    Unary(Unary),
    Binary(Binary),
    MulAdd,
    NegMulAdd,
    Compare(Comparison),
    Select,
    Fold(Fold),
    Call(Function),
    /// The function of the second value where the first one holds, else the third.
    CallWhere(Function),
    /// Lanes of the second value where the bit is set, else of the first.
    Merge(u8),
    /// One lane in every lane.
    Lane(u8),
    /// Lanes of f64 of two values.
    Shuffle(Shuffle),
    Copy,
    /// Gives a value that loops carry its next content, in the active lanes.
    Assign,
    Store(u32),
    /// Writes a whole vector past the cache.
    StoreStreaming(u32),
    /// Writes a whole vector at an access, although no lane loop is open.
    StoreVector(u32),
    Index(Derived, u32),
    Begin(u32),
    End(u32),
}

/// Which lanes of two values of four lanes each, `a` and `b`.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Shuffle {
    /// `a0 b0 a2 b2`
    Even,
    /// `a1 b1 a3 b3`
    Odd,
    /// `a0 a1 b0 b1`
    Low,
    /// `a2 a3 b2 b3`
    High,
}

/// How an index is computed from the integer of an access, or read at it.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Derived {
    Load,
    Quotient(i64),
    Remainder(i64),
    Clamp(i64),
    /// The address itself, in bytes.
    Pointer,
}

/// An instruction.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Inst {
    pub act: Act,
    /// The value it gives, or [`NONE`].
    pub dst: u32,
    /// The values it reads; unused places are [`NONE`].
    pub args: [u32; 3],
    /// Lanes that a counter reaches; 0 outside lane loops, where every lane holds the same.
    pub lanes: u8,
}

impl Inst {
    /// What is left where an instruction was taken away.
    pub(super) const NOTHING: Inst = Inst { act: Act::Nothing, dst: NONE, args: [NONE; 3], lanes: 0 };

    /// The values it reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = u32> + use<> {
        self.args.into_iter().filter(|v| *v != NONE)
    }

    /// The access it reads, writes or counts at.
    pub(super) fn access(&self) -> Option<u32> {
        match self.act {
            Act::Load(a)
            | Act::LoadInt(a)
            | Act::Count(a)
            | Act::Test(_, a)
            | Act::Store(a)
            | Act::StoreStreaming(a)
            | Act::StoreVector(a)
            | Act::Index(_, a) => Some(a),
            _ => None,
        }
    }
}

/// A value: a vector, or an index.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Value {
    /// Its place in the pool, where it is a number known now.
    pub constant: Option<u32>,
    /// The loop at whose head a constant is loaded.
    pub hoisted: Option<u32>,
    /// The access it is read at by its only user, instead of being loaded.
    pub folded: Option<u32>,
    /// Whether [`Act::Assign`] changes it.
    pub mutable: bool,
    /// Whether it is an index.
    pub index: bool,
    /// Whether all lanes hold the same.
    pub uniform: bool,
}

/// A loop that stays one.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Loop {
    pub trips: i64,
    /// Instructions of its marks.
    pub begin: u32,
    pub end: u32,
    /// Constants loaded at its head.
    pub hoisted: Vec<u32>,
    /// Pointers that it advances.
    pub streams: Vec<u32>,
}

/// A pointer, or an integer: `buffer + Σ step · iterations of a loop`, in bytes where there is a buffer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stream {
    pub buffer: Option<Buffer>,
    /// Loops with their steps, outermost first.
    pub steps: SmallVec<[(u32, i64); 3]>,
}

/// Where an instruction reads or writes: a pointer, a number, and indices with their scales.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Access {
    pub stream: u32,
    pub offset: i64,
    /// How far one lane is from the next.
    pub lane: i64,
    pub indexed: SmallVec<[(u32, i64); 1]>,
    /// The least and the greatest integer it can be, where no index takes part.
    pub range: (i64, i64),
}

/// The flattened program.
#[derive(Debug)]
pub(super) struct Flat {
    pub precision: Precision,
    pub insts: Vec<Inst>,
    pub values: Vec<Value>,
    pub loops: Vec<Loop>,
    pub streams: Vec<Stream>,
    /// For each stream the one without its innermost loop; itself where it has none.
    pub parents: Vec<u32>,
    pub accesses: Vec<Access>,
    pub pool: Pool,
    /// Buffers whose lines are asked for before they are written.
    pub ahead: Vec<Buffer>,
}

/// Instructions by the place of the one that they come before, or that they replace.
pub(super) type Changes = BTreeMap<usize, Vec<Inst>>;

impl Flat {
    /// Puts instructions before others and in the place of others, and drops those that were taken away.
    pub(super) fn rewrite(&mut self, mut before: Changes, mut instead: Changes) {
        for (at, inst) in std::mem::take(&mut self.insts).into_iter().enumerate() {
            self.insts.extend(before.remove(&at).into_iter().flatten());
            match instead.remove(&at) {
                Some(insts) => self.insts.extend(insts),
                None if inst.act == Act::Nothing => {}
                None => self.insts.push(inst),
            }
        }
    }

    /// Lanes of a register.
    pub(super) fn width(&self) -> u8 {
        self.precision.lanes() as u8
    }

    /// Bytes of a number.
    pub(super) fn bytes(&self) -> i64 {
        self.precision.bytes() as i64
    }

    /// Whether an access is the same number in every lane.
    pub(super) fn is_uniform(&self, access: &Access) -> bool {
        access.lane == 0 && access.indexed.iter().all(|(v, _)| self.values[*v as usize].uniform)
    }

    /// A new value.
    pub(super) fn value(&mut self, value: Value) -> u32 {
        self.values.push(value);
        self.values.len() as u32 - 1
    }

    /// A new vector.
    pub(super) fn vector(&mut self) -> u32 {
        self.value(Value {
            constant: None,
            hoisted: None,
            folded: None,
            mutable: false,
            index: false,
            uniform: false,
        })
    }
}

/// Vectors that stand behind the code, each once.
#[derive(Default, Debug)]
pub(super) struct Pool {
    pub vectors: Vec<[u64; 4]>,
    places: FxHashMap<[u64; 4], u32>,
}

impl Pool {
    /// The place of a vector.
    pub(super) fn place(&mut self, bits: [u64; 4]) -> u32 {
        let vectors = &mut self.vectors;
        *self.places.entry(bits).or_insert_with(|| {
            vectors.push(bits);
            vectors.len() as u32 - 1
        })
    }

    /// The place of a vector whose lanes are given by `lane`: 4 of 8 bytes, or 8 of 4.
    pub(super) fn lanes(&mut self, precision: Precision, lane: impl Fn(u32) -> u64) -> u32 {
        self.place(std::array::from_fn(|k| match precision {
            Precision::F64 => lane(k as u32),
            Precision::F32 => lane(2 * k as u32) & 0xffff_ffff | lane(2 * k as u32 + 1) << 32,
        }))
    }
}

/// The bits of a number.
pub(super) fn bits(precision: Precision, number: f64) -> u64 {
    match precision {
        Precision::F64 => number.to_bits(),
        Precision::F32 => u64::from((number as f32).to_bits()),
    }
}

/// The bits of an integer as a number, rounded once.
pub(super) fn integer_bits(precision: Precision, number: i64) -> u64 {
    match precision {
        Precision::F64 => (number as f64).to_bits(),
        Precision::F32 => u64::from((number as f32).to_bits()),
    }
}

impl Flat {
    /// Writes down where loops begin and end, once the list is final.
    pub(super) fn mark_loops(&mut self) {
        for (k, inst) in self.insts.iter().enumerate() {
            match inst.act {
                Act::Begin(id) => self.loops[id as usize].begin = k as u32,
                Act::End(id) => self.loops[id as usize].end = k as u32,
                _ => {}
            }
        }
    }
}
