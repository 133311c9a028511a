//! The tests of resplit, as one binary.

// Every number of the statistics against values computed independently, with 60 digits where it matters.
mod oracle;
