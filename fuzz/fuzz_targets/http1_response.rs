//! What is read of an HTTP/1.1 response does not depend on where the connection cuts it, and nothing makes the reader panic.
//! The first byte of the input says where the cut is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else {
        return;
    };
    let cut = bytes.len() * usize::from(*cut) / 256;
    resplit::load::fuzz_http1(bytes, cut);
});
