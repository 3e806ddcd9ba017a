//! Matrix products: `C[i,j] = epilogue(alpha · Σ_p A[i,p] s[p] B[p,j] + beta · C[i,j])`, for f64 and f32.
//!
//! A [`Product`] says extents and strides once, and runs on buffers as often as wanted. Factors lie as they like
//! (transposed, reversed, broadcast), a diagonal and masks of active entries are taken in while they are packed, and
//! bias, ReLU, mask and scale are applied while a tile of C is still in the cache.
//!
//! ```
//! use chainrule_exec::gemm::{Operands, Product, Workspace};
//!
//! let product = Product::<f64>::new(2, 2, 1); // C[2,1] = A[2,2] B[2,1]
//! let mut c = [0.0; 2];
//! let on = &mut Operands { a: &[1.0, 2.0, 3.0, 4.0], b: &[10.0, 1.0], c: &mut c, ..Operands::default() };
//! product.run(on, &mut Workspace::new(), 1)?;
//! assert_eq!(c, [12.0, 34.0]);
//! # Ok::<(), chainrule_exec::gemm::Misfit>(())
//! ```
//!
//! The scheme of blocks and panels is that of Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication", ACM TOMS 34 (2008).

// Registers and strides ask for pointers; every block says why it is sound, and the tests put guards around C.
#![allow(unsafe_code)]

mod absent;
mod block;
mod kernel;
mod lanes;
mod pack;
mod processor;
mod product;
mod run;
#[cfg(test)]
mod tests;
mod workspace;

pub use lanes::Real;
pub use product::{Epilogue, Line, Misfit, Operands, Product, Prologue, Strides, View};
pub use run::Pointers;
pub(crate) use run::fork_blocks;
pub use workspace::Workspace;
