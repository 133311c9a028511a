//! The memory that the connections of a thread read to.

use std::cell::RefCell;

/// Where the connections of a thread read to, one after the other: one that waits holds no memory for what may come.
pub(super) type Scratch = RefCell<Box<[u8]>>;

/// The size of [`Scratch`].
const SCRATCH: usize = 64 << 10;

/// Room to read to.
pub(super) fn scratch() -> Scratch {
    RefCell::new(vec![0; SCRATCH].into_boxed_slice())
}
