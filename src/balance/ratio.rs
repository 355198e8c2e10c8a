//! A fraction that is compared exactly: a load by share, or a turn by weight.

use std::cmp::Ordering;

/// A number of things by a share that is never 0. Two are equal where their values are: 1/2 is 2/4.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    count: u64,
    share: u32,
}

impl Ratio {
    /// `count` stays below 2^42 and `share` below 2^22, so that no comparison can overflow: sessions
    /// are counted in 32 bits, and a share is a 16-bit weight by a warmth of at most 20.
    pub(super) const fn new(count: u64, share: u32) -> Self {
        Self { count, share }
    }

    pub(super) const fn share(self) -> u32 {
        self.share
    }
}

/// By cross-multiplication: a quotient would be rounded, and take unequal loads for a tie.
impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.count * u64::from(other.share)).cmp(&(other.count * u64::from(self.share)))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_ordered_by_their_exact_value() {
        const LARGEST: u32 = 65_535 * 20;
        let sessions = 1 << 32;
        let table = [
            ((1, 2), (2, 4), Ordering::Equal),
            ((1, 3), (1, 2), Ordering::Less),
            ((2, 3), (1, 2), Ordering::Greater),
            ((0, 1), (1, LARGEST), Ordering::Less),
            (
                (sessions - 1, LARGEST - 1),
                (sessions, LARGEST),
                Ordering::Greater,
            ),
            ((sessions, LARGEST), (sessions, LARGEST), Ordering::Equal),
        ];
        for ((count, share), (other_count, other_share), order) in table {
            let [one, other] = [
                Ratio::new(count, share),
                Ratio::new(other_count, other_share),
            ];
            assert_eq!(one.cmp(&other), order, "{one:?} {other:?}");
            assert_eq!(one == other, order == Ordering::Equal);
        }
    }
}
