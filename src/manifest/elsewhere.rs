//! Rules that are bound to other places than the vantage.

/// Whether a table names the rules that are bound to other places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It does, so that an error can name them.
    Named,
    /// It does not: tables of all gateways would each name the rules of all others.
    LeftOut,
}
