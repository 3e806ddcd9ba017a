//! Layers, losses and networks: the homework's numbers, its errata, and mistakes in definitions.

mod errata;
mod mistakes;
mod reference;
