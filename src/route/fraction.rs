//! Which part of the requests a route takes where chance decides. Envoy draws one number for a request: the fraction of
//! a route and the choice among its weights look at that same number, so that they are not independent.

use std::fmt;

use crate::split::Share;

/// The denominators that Envoy knows all divide this one.
const MILLION: u32 = 1_000_000;

/// A part of the requests, by their random number: those whose remainder is below the numerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    // At most the denominator.
    numerator: u32,
    // Divides a million.
    denominator: u32,
}

/// The random numbers that no route has taken yet, or that one has taken, by their remainders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Residues {
    // By remainder; as long as the modulus, which is at least one.
    held: Vec<bool>,
}

impl Fraction {
    /// So many of a hundred, ten thousand or a million. A numerator above the denominator is all of them.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let known = denominator > 0 && MILLION.is_multiple_of(denominator);
        known.then_some(Self {
            numerator: numerator.min(denominator),
            denominator,
        })
    }

    /// Numerator and denominator.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// Whether it takes every request.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.numerator == self.denominator
    }

    /// Whether it takes none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.numerator == 0
    }
}

impl Fraction {
    /// Whether every request of this part is one of the other part too, as far as that is certain.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        let less = self.denominator == other.denominator && self.numerator <= other.numerator;
        self.is_none() || other.is_all() || less
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} requests", self.numerator, self.denominator)
    }
}

impl Residues {
    /// Every number.
    pub(super) fn all() -> Self {
        Self { held: vec![true] }
    }

    /// No number.
    pub(super) fn none() -> Self {
        Self { held: vec![false] }
    }

    /// Whether there is no number left.
    pub(super) fn is_empty(&self) -> bool {
        !self.held.contains(&true)
    }

    /// Takes the numbers of a fraction out; what is left stays.
    pub(super) fn take(&mut self, fraction: Fraction) -> Self {
        let own = self.held.len();
        let period = lcm(own as u64, u64::from(fraction.denominator));
        let period = usize::try_from(period).expect("it divides a million");
        let within = |at: usize| at % (fraction.denominator as usize) < fraction.numerator as usize;
        let part = |inside: bool| {
            (0..period)
                .map(|at| self.held[at % own] && within(at) == inside)
                .collect()
        };
        let (taken, left) = (part(true), part(false));
        self.held = left;
        Self { held: taken }
    }

    /// How many of all requests these are.
    pub(super) fn share(&self) -> Share {
        let count = self.held.iter().filter(|held| **held).count();
        Share::new(count as u64, self.held.len() as u64).expect("a part of all remainders")
    }

    /// What each weight gets of all requests: the one whose slice holds the remainder of the same number by the sum of the
    /// weights. The sum fits 32 bits and is not zero.
    pub(super) fn sliced(&self, weights: &[u32]) -> Vec<Share> {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let modulus = self.held.len() as u64;
        // Two remainders belong to one number if and only if they agree modulo the greatest common divisor; then they
        // do so for exactly one remainder by the least common multiple.
        let common = gcd(modulus, total);
        let mut held = vec![0_u64; usize::try_from(common).expect("it divides a million")];
        for (at, one) in self.held.iter().enumerate() {
            held[at % usize::try_from(common).expect("it divides a million")] += u64::from(*one);
        }
        let mut start = 0;
        let slice = |weight: &u32| {
            let end = start + u64::from(*weight);
            let agreeing = (0..).zip(&held).map(|(class, count)| {
                let own = below(end, class, common) - below(start, class, common);
                count * own
            });
            let share = Share::new(agreeing.sum(), lcm(modulus, total));
            start = end;
            share.expect("a part of all remainders")
        };
        weights.iter().map(slice).collect()
    }
}

/// How many numbers below `end` leave the remainder `class`.
fn below(end: u64, class: u64, modulus: u64) -> u64 {
    end / modulus + u64::from(class < end % modulus)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn lcm(a: u64, b: u64) -> u64 {
    a / gcd(a, b) * b
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fraction(numerator: u32, denominator: u32) -> Fraction {
        Fraction::new(numerator, denominator).expect("a denominator of Envoy")
    }

    fn texts(shares: &[Share]) -> Vec<String> {
        shares.iter().map(Share::to_string).collect()
    }

    /// "`runtime_fraction` uses the SAME random value: fraction 50/100 then 50/50 weights -> 100 % first cluster".
    #[test]
    fn half_of_the_requests_over_equal_weights_all_go_to_the_first() {
        let mut left = Residues::all();
        let taken = left.take(fraction(50, 100));
        assert_eq!(texts(&taken.sliced(&[50, 50])), ["1/2", "0/1"]);
        assert_eq!(texts(&left.sliced(&[50, 50])), ["0/1", "1/2"]);
    }

    /// "with /1e6 denominators and 100-sum it is ok".
    #[test]
    fn a_fraction_in_millionths_leaves_weights_of_a_hundred_alone() {
        let taken = Residues::all().take(fraction(300_000, 1_000_000));
        assert_eq!(texts(&taken.sliced(&[30, 70])), ["9/100", "21/100"]);
        let taken = Residues::all().take(fraction(1, 1_000_000));
        assert_eq!(taken.share().to_string(), "1/1000000");
    }

    #[test]
    fn a_denominator_that_divides_no_million_is_refused() {
        assert_eq!(Fraction::new(1, 0), None);
        assert_eq!(Fraction::new(1, 3), None);
        assert!(fraction(200, 100).is_all() && fraction(0, 100).is_none());
    }

    #[test]
    fn the_greatest_weights_are_counted_exactly() {
        let shares = Residues::all()
            .take(fraction(1, 1_000_000))
            .sliced(&[u32::MAX - 1, 1]);
        let sum = shares[0].checked_add(shares[1]).expect("fits");
        assert_eq!(sum.to_string(), "1/1000000");
    }

    proptest! {
        /// Both look at one random number.
        #[test]
        fn what_is_within_another_part_is_a_part_of_it(
            (one, other) in (0_u32..6, 0_u32..6),
            denominators in prop::sample::select(vec![(5_u32, 5_u32), (4, 5), (5, 10), (100, 100)]),
        ) {
            let (own, wider) = (fraction(one, denominators.0), fraction(other, denominators.1));
            if own.is_within(wider) {
                let holds = |part: Fraction, number: u32| number % part.denominator < part.numerator;
                prop_assert!((0..100).all(|number| !holds(own, number) || holds(wider, number)));
            }
        }

        /// Every remainder by the least common multiple, one after the other.
        #[test]
        fn shares_are_those_of_counting_every_number(
            fractions in prop::collection::vec((0_u32..12, prop::sample::select(vec![1_u32, 2, 4, 5, 8, 10, 20])), 1..4),
            weights in prop::collection::vec(0_u32..7, 1..4),
        ) {
            let total: u32 = weights.iter().sum();
            prop_assume!(total > 0);
            let period = 40 * total;
            let mut left = Residues::all();
            let mut counted: Vec<u32> = (0..period).collect();
            for (numerator, denominator) in fractions {
                let taken = left.take(fraction(numerator, denominator));
                let (inside, outside): (Vec<u32>, Vec<u32>) =
                    counted.into_iter().partition(|number| number % denominator < numerator);
                counted = outside;
                let mut start = 0;
                for (weight, share) in weights.iter().zip(taken.sliced(&weights)) {
                    let slice = start..start + weight;
                    let own = inside.iter().filter(|number| slice.contains(&(*number % total))).count();
                    prop_assert_eq!(Some(share), Share::new(own as u64, u64::from(period)));
                    start += weight;
                }
                prop_assert_eq!(Some(left.share()), Share::new(counted.len() as u64, u64::from(period)));
                prop_assert_eq!(left.is_empty(), counted.is_empty());
            }
        }
    }
}
