//! The order of contractions: a product of three and more factors is split into pairs when that saves work.
