//! How far the terms of a polynomial reach when their factors are multiplied in another order.

/// Bounds on what a part of a term may be, infinite factors apart.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Terms {
    /// The least magnitude of a whole term; without terms it is infinite.
    least: f64,
    /// The greatest product of some factors of a term, added over the terms: where it overflows, a term that is zero may
    /// be infinity times zero.
    most: f64,
}

impl Terms {
    /// A sum without terms.
    pub(crate) const NONE: Terms = Terms { least: f64::INFINITY, most: 0.0 };
    /// A term that nothing is known of.
    pub(crate) const UNKNOWN: Terms = Terms { least: 0.0, most: 1.0 };

    /// One factor.
    pub(crate) fn of(value: f64) -> Terms {
        let size = if value.is_finite() { value.abs() } else { 1.0 };
        Terms { least: size, most: size.max(1.0) }
    }

    /// The terms of both.
    pub(crate) fn plus(self, other: Terms) -> Terms {
        Terms { least: self.least.min(other.least), most: self.most + other.most }
    }

    /// Each of these with each of the others.
    pub(crate) fn times(self, other: Terms) -> Terms {
        let empty = self.least.is_infinite() || other.least.is_infinite();
        let least = if empty { f64::INFINITY } else { self.least * other.least };
        Terms { least, most: self.most * other.most }
    }

    /// Whether some order of the factors makes zero of a term, where numbers below `least` are zero.
    pub(crate) fn may_vanish(self, least: f64) -> bool {
        self.least <= least
    }

    /// Whether some order of the factors overflows above `greatest`.
    pub(crate) fn may_overflow(self, greatest: f64) -> bool {
        self.most > greatest
    }
}
