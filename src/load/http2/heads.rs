//! Blocks of fields that were read before: answers of one server are alike to the byte for as long as its clock says the same,
//! and a block means the same wherever it comes (see `hpack`). Not: what a block means.

use std::rc::Rc;

use super::hpack::{Flaw, Head, Part};

/// Blocks that are remembered, up to this length each.
const MOST: usize = 8;
const LONGEST: usize = 1024;

/// The blocks that came last.
#[derive(Debug, Default)]
pub(super) struct Heads {
    known: Vec<Known>,
    /// The one that gives way next.
    oldest: usize,
}

#[derive(Debug)]
struct Known {
    part: Part,
    block: Vec<u8>,
    head: Rc<Head>,
}

impl Heads {
    /// What a block says.
    pub(super) fn read(&mut self, block: &[u8], part: Part) -> Result<Rc<Head>, Flaw> {
        let same = |known: &&Known| known.part == part && known.block == block;
        if let Some(known) = self.known.iter().find(same) {
            return Ok(Rc::clone(&known.head));
        }
        let head = Rc::new(Head::read(block, part)?);
        if block.len() <= LONGEST {
            let known = Known {
                part,
                block: block.to_vec(),
                head: Rc::clone(&head),
            };
            if self.known.len() < MOST {
                self.known.push(known);
            } else {
                self.known[self.oldest] = known;
                self.oldest = (self.oldest + 1) % MOST;
            }
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::http2::hpack;

    fn block(number: usize) -> Vec<u8> {
        let number = number.to_string();
        hpack::write([(":status", &b"200"[..]), ("x-number", number.as_bytes())])
    }

    #[test]
    fn what_was_read_before_is_not_read_again_and_old_blocks_give_way() {
        let mut heads = Heads::default();
        let first = heads.read(&block(0), Part::Front).expect("a head");
        for number in 0..20 {
            let head = heads.read(&block(number), Part::Front).expect("a head");
            let value = number.to_string();
            assert_eq!(
                head.fields().collect::<Vec<_>>(),
                [("x-number", value.as_bytes())]
            );
            let again = heads.read(&block(number), Part::Front).expect("a head");
            assert!(Rc::ptr_eq(&head, &again));
            assert_eq!(Rc::ptr_eq(&head, &first), number == 0);
        }
        assert_eq!(heads.known.len(), MOST);
    }

    #[test]
    fn the_same_bytes_are_no_head_and_trailers_at_once() {
        let mut heads = Heads::default();
        assert!(heads.read(b"\x88", Part::Front).is_ok());
        assert!(heads.read(b"\x88", Part::Trailers).is_err());
        assert!(heads.read(b"", Part::Trailers).is_ok());
        assert!(heads.read(b"", Part::Front).is_err());
    }
}
