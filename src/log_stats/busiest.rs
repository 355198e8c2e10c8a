//! Who has the most connections, in memory for a fixed number of clients. Pure.
//!
//! After Misra and Gries, "Finding repeated elements" (1982): when there are twice as many clients as are
//! kept, the count of the first one too many is taken from each, and who has nothing left is forgotten.
//! No count is too high, and none is too low by more than what was taken.

use std::collections::HashMap;
use std::net::IpAddr;

/// So many clients are kept; up to twice as many are counted exactly.
const KEPT: usize = 50_000;

#[derive(Default)]
pub(super) struct Busiest {
    counts: HashMap<IpAddr, u64>,
    /// What was taken of each count at most.
    taken: u64,
}

impl Busiest {
    pub(super) fn add(&mut self, client: IpAddr) {
        *self.counts.entry(client).or_default() += 1;
        if self.counts.len() > 2 * KEPT {
            let mut counts: Vec<u64> = self.counts.values().copied().collect();
            let (_, &mut less, _) = counts.select_nth_unstable_by(KEPT, |a, b| b.cmp(a));
            self.counts.retain(|_, count| {
                *count = count.saturating_sub(less);
                *count > 0
            });
            self.taken += less;
        }
    }

    /// The clients with the most connections, so many of them.
    pub(super) fn top(&self, most: usize) -> Vec<(IpAddr, u64)> {
        let mut all: Vec<_> = self
            .counts
            .iter()
            .map(|(ip, count)| (*ip, *count))
            .collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(most);
        all
    }

    /// By how much a count may be too low.
    pub(super) const fn error(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn few_clients_are_counted_exactly() {
        let mut busiest = Busiest::default();
        for number in [1, 2, 3, 2, 3, 3] {
            busiest.add(client(number));
        }
        let wanted = [(client(3), 3), (client(2), 2), (client(1), 1)];
        assert_eq!(busiest.top(10), wanted);
        assert_eq!(busiest.top(2), wanted[..2]);
        assert_eq!(busiest.error(), 0);
    }

    #[test]
    fn among_very_many_the_busy_ones_are_found_in_bounded_memory() {
        let mut busiest = Busiest::default();
        for number in 0..1_000_000 {
            busiest.add(client(1_000 + number));
            if number % 100 == 0 {
                busiest.add(client(1));
            }
        }
        assert!(busiest.counts.len() <= 2 * KEPT);
        let (ip, count) = busiest.top(1)[0];
        assert_eq!(ip, client(1));
        assert!(
            count <= 10_000 && count + busiest.error() >= 10_000,
            "{count}"
        );
        assert!(busiest.error() > 0);
    }
}
