//! Buffers between pages without access: what reads or writes one byte too far does not come back.

use std::arch::asm;

const PAGE: usize = 4096;
const MMAP: usize = 9;
const MUNMAP: usize = 11;
const MPROTECT: usize = 10;

/// Bytes flush with a page that must not be touched.
pub(super) struct Guarded {
    base: usize,
    mapped: usize,
    start: usize,
    len: usize,
}

fn system(number: usize, args: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the callers map, protect and unmap pages of their own; the registers that Linux changes are declared.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            in("r8") -1isize, in("r9") 0,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

impl Guarded {
    /// A copy of the bytes, at the end of its pages or at their start.
    pub(super) fn new(bytes: &[u8], at_end: bool) -> Guarded {
        let inside = bytes.len().next_multiple_of(PAGE);
        let mapped = inside + 2 * PAGE;
        // Anonymous and private (0x22), without access at first; then the inner pages are opened.
        let base = system(MMAP, [0, mapped, 0, 0x22]);
        assert!(base > 0, "pages are mapped");
        let base = base as usize;
        assert_eq!(system(MPROTECT, [base + PAGE, inside, 3, 0]), 0);
        let start = base + PAGE + if at_end { inside - bytes.len() } else { 0 };
        // SAFETY: the pages were just opened, nobody else knows them, and the bytes fit.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) };
        Guarded { base, mapped, start, len: bytes.len() }
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.start as *mut u8
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the bytes are mapped as long as `self` is there, and no machine runs.
        unsafe { std::slice::from_raw_parts(self.start as *const u8, self.len) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        system(MUNMAP, [self.base, self.mapped, 0, 0]);
    }
}
