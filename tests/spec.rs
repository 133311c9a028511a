//! One test per sentence of what the dialects document, the sentence quoted above it.

// The Gateway API: precedence, attachment, backends; and what HTTPRoutes and VirtualServices have in common.
mod gateway_api;

// Istio: what each place makes of its rules.
mod istio;
