//! One test per sentence of what the dialects document, the sentence quoted above it.
