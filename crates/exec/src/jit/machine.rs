//! Machine code in memory that can be executed, and no longer written.
#![allow(unsafe_code)] // Code made at run time is called here, and nowhere else.

use super::Unsupported;
use dynasmrt::mmap::{ExecutableBuffer, MutableBuffer};
use dynasmrt::{AssemblyOffset, x64};
use std::fmt;

/// The address that machine code is called at, with its table of buffers.
pub type Entry = unsafe extern "sysv64" fn(*const *mut u8);

/// The machine code of a program.
pub struct Machine {
    code: ExecutableBuffer,
    entry: Entry,
    buffers: usize,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("bytes", &self.code.len()).field("buffers", &self.buffers).finish()
    }
}

/// The relocations of the assembler that writes the code.
pub(super) type Relocations = x64::X64Relocation;

impl Machine {
    /// Puts code that begins with its entry into memory of its own: written first, then made executable and read-only.
    pub(super) fn new(bytes: &[u8], buffers: usize) -> Result<Machine, Unsupported> {
        let refused = |error| Unsupported(format!("the system gives no executable memory ({error})"));
        let mut memory = MutableBuffer::new(bytes.len()).map_err(refused)?;
        memory.set_len(bytes.len());
        memory.copy_from_slice(bytes);
        let code = memory.make_exec().map_err(refused)?;
        // SAFETY: the code begins with the prologue of a function with this signature, written by `write`, and the
        // mapping does not move while `code` is alive, which is as long as `entry` is.
        let entry = unsafe { std::mem::transmute::<*const u8, Entry>(code.ptr(AssemblyOffset(0))) };
        Ok(Machine { code, entry, buffers })
    }

    /// The bytes of the code, with its constants behind it.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Where the code begins, while this lives, and how many buffers its table has to have; else it is called as
    /// [`Machine::run`] says.
    pub fn entry(&self) -> (Entry, usize) {
        (self.entry, self.buffers)
    }

    /// Runs the program over a table of buffers.
    ///
    /// # Panics
    /// Where the table has fewer buffers than the program names.
    ///
    /// # Safety
    /// Each buffer that the program names has to be valid for its reads and writes, at the elements that its addresses
    /// reach: its numbers aligned as f64 or f32, its integers as i64. Nobody else writes what it reads, nor touches
    /// what it writes, while it runs. The functions it was compiled with are still there.
    pub unsafe fn run(&self, buffers: &[*mut u8]) {
        assert!(
            buffers.len() >= self.buffers,
            "the program names {} buffers, the table has {}",
            self.buffers,
            buffers.len()
        );
        // SAFETY: the code reads pointers of the table at places below `self.buffers`, and what is behind them as the
        // caller warrants; it gives back every register that its caller keeps. `compile` found AVX2 and FMA.
        unsafe { (self.entry)(buffers.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Machine;

    #[test]
    fn a_machine_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Machine>();
    }
}
