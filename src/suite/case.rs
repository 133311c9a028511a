//! A suite and its cases, whatever format they were read from.

use super::expectation::Expectation;
use super::route_assertion::RouteAssertion;
use super::rule_assertion::RuleAssertion;
use crate::route::{Probe, Vantage};

/// A file of cases.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The files and folders with the manifests, relative to the suite.
    pub manifests: Vec<String>,
    /// Whether what a case does not mention must not be there.
    pub strict: bool,
    /// The cases in order.
    pub cases: Vec<Case>,
}

/// A request, and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The line where it begins.
    pub line: usize,
    /// From where the request is sent; `None` for wherever a rule has its host.
    pub from: Option<Vantage>,
    /// The request.
    pub probe: Probe,
    /// How it is sent, where requests are.
    pub live: LiveAddress,
    /// What must become of it.
    pub expect: Expect,
}

/// How a request is sent; what is `None` is as the command says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveAddress {
    /// To where: `http://127.0.0.1:8080`.
    pub address: Option<String>,
    /// In which version of HTTP.
    pub version: Option<HttpVersion>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1
    Http1,
    /// HTTP/2
    Http2,
}

/// What must become of a request, in the words of the format.
#[derive(Clone, Debug)]
pub enum Expect {
    /// Of a suite of resplit.
    Native(Box<Expectation>),
    /// Of istio-config-validator.
    Rule(Box<RuleAssertion>),
    /// Of Envoy's route table check tool.
    Route(Box<RouteAssertion>),
}
