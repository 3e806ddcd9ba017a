//! Exact rational numbers: the coefficients of the graph.
