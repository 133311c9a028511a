//! The conditions of a route, and the requests that a note applies to, which conditions may tell.

use std::sync::Arc;

use super::{Fraction, TextMatch};
use crate::diag::{Note, Span};

/// One condition of a route.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The field that sets it: `headers.end-user`.
    pub field: String,
    /// Where it is written.
    pub span: Span,
    /// What it asks.
    pub test: Test,
}

/// What a condition asks of a request.
#[derive(Clone, Debug)]
pub enum Test {
    /// Decided by where the request comes from, not by the request.
    Fixed(bool),
    /// Decided by where the request comes from, and taken to hold because that is not known.
    Assumed(Note<AppliesTo>),
    /// Cannot be decided here, and is taken not to hold.
    Unknowable(Note<AppliesTo>),
    /// Decided by chance, for a part of the requests.
    Fraction(Fraction),
    /// The path without the query.
    Path(TextMatch),
    /// `:method`.
    Method(TextMatch),
    /// `:authority`, with the port as sent.
    Authority(TextMatch),
    /// `:scheme`.
    Scheme(TextMatch),
    /// A header.
    Header(HeaderTest),
    /// A query parameter.
    Query {
        /// Its name, as written in the URL.
        name: String,
        /// What its value must be.
        value: TextMatch,
    },
    /// There is no query parameter of this name.
    NoQuery(String),
    /// A cookie; a missing one is not that value.
    Cookie {
        /// Its name.
        name: String,
        /// What its value must be.
        value: TextMatch,
        /// The value must not be that.
        invert: bool,
    },
}

/// What a condition asks of a header.
#[derive(Clone, Debug)]
pub struct HeaderTest {
    /// Its name, lower case.
    pub name: String,
    /// What its value must be.
    pub value: TextMatch,
    /// The value must not be that.
    pub invert: bool,
    /// A missing header is compared as if it were there and empty; otherwise it is neither that value nor another.
    pub missing_is_empty: bool,
}

/// The requests that a note about a route applies to. Such a note weakens what is said about them: a field is not judged, an
/// assumption was made. As an error it is why the proxies do not have a destination: its share is never delivered.
#[derive(Clone, Debug)]
pub enum AppliesTo {
    /// Those with this method.
    Method(&'static str),
    /// Those with this scheme.
    Scheme(&'static str),
    /// Those for which all conditions of one of these sets hold.
    Matching(Arc<[Vec<Condition>]>),
}

impl Test {
    /// What a field of the request is compared with, where one is.
    #[must_use]
    pub fn text(&self) -> Option<&TextMatch> {
        match self {
            Self::Path(text) | Self::Method(text) | Self::Authority(text) | Self::Scheme(text) => {
                Some(text)
            }
            Self::Header(header) => Some(&header.value),
            Self::Query { value, .. } | Self::Cookie { value, .. } => Some(value),
            Self::Fixed(_)
            | Self::Assumed(_)
            | Self::Unknowable(_)
            | Self::Fraction(_)
            | Self::NoQuery(_) => None,
        }
    }
}

impl HeaderTest {
    /// The header must be there and match.
    #[must_use]
    pub fn with(name: impl Into<String>, value: TextMatch) -> Self {
        Self {
            name: name.into(),
            value,
            invert: false,
            missing_is_empty: false,
        }
    }

    /// The header must not match; a missing one is empty, unless it is its presence that is forbidden.
    #[must_use]
    pub fn without(name: impl Into<String>, value: TextMatch) -> Self {
        Self {
            invert: true,
            missing_is_empty: !matches!(value, TextMatch::Present),
            ..Self::with(name, value)
        }
    }
}

impl PartialEq for AppliesTo {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Method(one), Self::Method(other)) | (Self::Scheme(one), Self::Scheme(other)) => {
                one == other
            }
            // Regular expressions cannot be compared: only the same sets are equal.
            (Self::Matching(one), Self::Matching(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for AppliesTo {}
