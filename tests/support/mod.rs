//! What the tests stand on. Everything listens on loopback, on a port the system picks, and stops when dropped.

// The agent of a proxy that is ready when a test says so.
pub(crate) mod agent;
// An application of two versions that says what a test wants.
pub(crate) mod app;
// Runs whose outcome a real proxy draws.
pub(crate) mod chance;
// The built binary, and its JSON report.
pub(crate) mod cmd;
// A program from the distribution, beside a test.
pub(crate) mod daemon;
// A real Envoy, fetched once, in front of in-process backends.
pub(crate) mod envoy;
// The Envoy binary, fetched once.
pub(crate) mod fetch;
// What holds requests until a test goes on.
pub(crate) mod gate;
// A real gRPC server.
pub(crate) mod grpc;
// Servers that misbehave on demand.
pub(crate) mod hostile;
// One blocking GET, to ask the servers above what they do.
pub(crate) mod http;
// The admin interface of a proxy that goes and comes back.
pub(crate) mod interface;
// A split without a proxy: one server that answers as every target.
pub(crate) mod mesh;
// Which tests need a program from outside.
pub(crate) mod parts;
// A real nginx.
pub(crate) mod nginx;
// An nginx that splits.
pub(crate) mod nginx_split;
// A listener and its tasks on a thread of their own.
pub(crate) mod picks;
pub(crate) mod server;
// Readers of formats that are not ours, fetched once.
pub(crate) mod tools;
// A real HTTP proxy.
pub(crate) mod tinyproxy;
// A certificate that nobody else trusts.
pub(crate) mod tls;
// Waiting for what another program does.
pub(crate) mod wait;
