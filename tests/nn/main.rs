//! Layers, losses and networks: mistakes in definitions.

mod mistakes;
