//! Whole lives of sessions, replayed from seeds: the session machine between two fake sockets.
//!
//! The fake kernel moves less than asked, says EAGAIN, ends and resets at any time, reports errors
//! once, stops splice at urgent marks, and tells of readiness late, twice or for nothing. Whatever it
//! does: bytes are conserved and in order, ends and resets are relayed after them, a session is
//! closed exactly once, and no session stalls or spins. `L4LB_SEEDS=100000` plays more of them.

mod chance;
mod fronts;
mod socket;
mod world;

use chance::Chance;
use world::World;

fn seeds() -> u64 {
    std::env::var("L4LB_SEEDS").map_or(256, |text| text.parse().unwrap())
}

#[test]
fn every_life_of_a_session_conserves_its_bytes_and_comes_to_its_end() {
    for seed in 0..seeds() {
        // The harness shows the seed of the life that fails.
        let life = std::panic::catch_unwind(|| World::new(Chance::new(seed)).live());
        assert!(life.is_ok(), "seed {seed} failed: see above");
    }
}

#[test]
fn the_seeds_meet_every_way_to_end() {
    let mut met = std::collections::BTreeSet::new();
    for seed in 0..2048 {
        met.insert(World::new(Chance::new(seed)).live().to_string());
    }
    for letters in ["--", "CD", "SD", "CC", "SC", "sC", "RC"] {
        assert!(
            met.contains(letters),
            "no life ends with {letters}: {met:?}"
        );
    }
}
