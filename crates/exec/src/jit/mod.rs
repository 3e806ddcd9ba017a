//! Machine code for lane programs: x86-64 with AVX2 and FMA, on Linux.
//!
//! ```text
//! Program --flatten--> one list of instructions   loops unrolled or kept, tails as copies      flatten, flat
//!         --calls----> calls packed into lanes                                                  calls
//!         --combine--> stores of neighbours, and what is alike above them, by vectors           neighbours
//!         --transpose> columns that a lane loop writes, as rows                                 transposed
//!         --point----> rows that are read several times have an address                         rows
//!         --fold-----> copies and loads that need no instruction                                fold
//!         --layout---> registers by linear scan, the frame, the pool                            live, scan
//!         --write----> bytes                                                                    write, address, vector, encode
//! ```
//!
//! Every pass is a walk over the list, so a program of n statements costs n. The same program gives the same bytes,
//! but for the addresses of the functions it calls. Nothing outside the elements that a counter reaches is touched:
//! the tail of a lane loop loads and stores exactly its lanes, and fills the others with copies.
//!
//! Buffers that a program only writes, and that no cache can hold, may be written past it (streamed); of other large
//! ones the lines are asked for ahead.
//!
//! A function that is called only where a mask holds has its call behind the code, which keeps every register: the loop
//! pays a test.
//!
//! Results have the bits that the operations name, with one freedom: which NaN a result is, where it is one, follows
//! the order of operands that the instructions have.

use crate::lane::program::{Buffer, Function, Precision, Program};
use std::fmt;

#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod address;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod calls;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod encode;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod flat;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod flatten;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod fold;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod live;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod machine;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod neighbours;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod passes;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod rows;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod scan;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod streamed;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod transposed;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod vector;
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod write;

#[cfg(all(test, feature = "jit", target_arch = "x86_64", target_os = "linux"))]
mod tests;

#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
pub use machine::{Entry, Machine};

/// What a program may keep on the stack; a thread has 2 MiB, and most of it belongs to the caller.
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
const FRAME_LIMIT: i64 = 256 << 10;

/// Why there is no machine code for a program; the interpreter runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsupported(pub(crate) String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no machine code for this program: {}", self.0)
    }
}

impl std::error::Error for Unsupported {}

/// How a result that is larger than the nearest caches is written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// Past the cache, where every store is of a whole vector at a multiple of 16 bytes; else as [`Way::Ahead`].
    Past,
    /// Into the cache. A line is asked for long before it is written, so that the stores do not wait for it.
    Ahead,
}

/// Machine code for a program.
///
/// `functions` answers the address of a function of the table for numbers of a precision: an
/// `unsafe extern "sysv64" fn(__m256d[, __m256d]) -> __m256d` (`__m256` for f32), which computes lane by lane. The
/// addresses are called when the machine runs. Buffers that are `large` are written in their way.
///
/// # Errors
/// [`Unsupported`] with the reason: the processor, the system, a function without an address, a program that is not
/// valid or that needs more stack than a caller can be asked for.
#[cfg(all(feature = "jit", target_arch = "x86_64", target_os = "linux"))]
pub fn compile(
    program: &Program,
    large: &[(Buffer, Way)],
    functions: &dyn Fn(Function, Precision) -> Option<usize>,
) -> Result<Machine, Unsupported> {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return Err(Unsupported("the processor has no AVX2 and FMA".to_string()));
    }
    program.validate().map_err(|invalid| Unsupported(format!("it is not valid, {invalid}")))?;
    let mut flat = flatten::flatten(program);
    flat.ahead = large.iter().map(|(buffer, _)| *buffer).collect();
    calls::pack(&mut flat);
    neighbours::combine(&mut flat);
    transposed::transpose(&mut flat);
    rows::point(&mut flat);
    fold::fold(&mut flat);
    flat.mark_loops();
    let layout = live::layout(&flat)?;
    let mut code = write::write(&flat, &layout, functions)?;
    let past: Vec<Buffer> = large.iter().filter(|(_, way)| *way == Way::Past).map(|(b, _)| *b).collect();
    let streamed = streamed::mark(&mut flat, &past);
    if !streamed.is_empty() {
        let layout = live::layout(&flat)?;
        code = streamed::either(&streamed, &write::write(&flat, &layout, functions)?, &code);
    }
    machine::Machine::new(&code, calls::buffers(&flat))
}

/// Machine code for a program, where there is a writer for this machine.
///
/// # Errors
/// [`Unsupported`]: there is none for this one.
#[cfg(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux")))]
pub fn compile(
    _program: &Program,
    _large: &[(Buffer, Way)],
    _functions: &dyn Fn(Function, Precision) -> Option<usize>,
) -> Result<Machine, Unsupported> {
    Err(Unsupported("it is written for x86-64 on Linux, with the feature `jit`".to_string()))
}

/// The address that machine code is called at, with its table of buffers.
#[cfg(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux")))]
pub type Entry = unsafe extern "C" fn(*const *mut u8);

/// Machine code; there is none on this machine.
#[cfg(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux")))]
#[derive(Debug)]
pub enum Machine {}

#[cfg(not(all(feature = "jit", target_arch = "x86_64", target_os = "linux")))]
#[allow(unsafe_code)] // The same signature as where there is machine code; nothing unsafe is done.
impl Machine {
    /// The bytes of the code.
    pub fn code(&self) -> &[u8] {
        match *self {}
    }

    /// Where the code begins, and how many buffers its table has to have.
    pub fn entry(&self) -> (Entry, usize) {
        match *self {}
    }

    /// Runs the program.
    ///
    /// # Safety
    /// There is no value of this type to call it with.
    pub unsafe fn run(&self, _buffers: &[*mut u8]) {
        match *self {}
    }
}
