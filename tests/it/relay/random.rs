//! Seeded chance: the seed is printed, so that a failure can be played again.

/// A splitmix64 generator.
pub(super) struct Random(u64);

impl Random {
    /// From `L4LB_SEED`, or from the time of day.
    pub(super) fn seeded() -> Self {
        let seed = std::env::var("L4LB_SEED")
            .ok()
            .map_or_else(time_of_day, |text| {
                text.parse().expect("L4LB_SEED is a number")
            });
        eprintln!("L4LB_SEED={seed}");
        Self(seed)
    }

    /// Another generator, so that a thread has its own.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `from..=to`.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }
}

fn time_of_day() -> u64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos())
}
