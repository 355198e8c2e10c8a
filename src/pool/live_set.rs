//! What health allows of a pool, as an immutable snapshot: a new one is made for every change.

use std::fmt;
use std::sync::Arc;

use super::Backend;
use crate::config::AllDown;

/// The warmth of a backend that gets its full share; slow start goes there from 1.
pub const WARM: u8 = 20;

/// What keeps a backend from new sessions, if anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing.
    Up,
    /// Probes say so.
    Down,
    /// An operator: it is probed, and keeps the sessions that it has.
    Drain,
    /// An operator: it is not even probed.
    Maint,
    /// Clients' connects failed one after the other; for a while.
    Ejected,
}

impl State {
    /// All of them, each in its own place.
    pub const ALL: [Self; 5] = [
        Self::Up,
        Self::Down,
        Self::Drain,
        Self::Maint,
        Self::Ejected,
    ];

    /// Its name in the admin API and in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
            Self::Maint => "maint",
            Self::Ejected => "ejected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What an operator wants of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Sessions as health allows.
    Ready,
    /// No new sessions; those it has go on, and so do probes.
    Drain,
    /// No sessions and no probes.
    Maint,
}

/// One backend in a snapshot.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which one.
    pub backend: Arc<Backend>,
    /// Whether it may get sessions.
    pub state: State,
    /// As configured or as set by an operator; 0 means no new sessions.
    pub weight: u16,
    /// How far its slow start has come: 1 to [`WARM`].
    pub warmth: u8,
    /// Used only while no other one may get sessions.
    pub backup: bool,
    /// The most sessions at once, connects under way among them; `u32::MAX` is no limit.
    pub limit: u32,
}

impl Member {
    /// What it gets of the traffic, in proportion to the shares of the others: weight by warmth.
    #[must_use]
    pub const fn share(&self) -> u32 {
        self.weight as u32 * self.warmth as u32
    }
}

/// The backends of a pool and which of them may get sessions.
#[derive(Clone, Debug)]
pub struct LiveSet {
    members: Box<[Member]>,
    eligible: Box<[usize]>,
}

impl LiveSet {
    /// All of `members`, in the order of the configuration. New sessions go to the primaries that
    /// are up, else to the backups that are up; with neither, to nobody, or as `all_down` says to
    /// all that no operator has taken out, again primaries first. Weight 0 gets none.
    #[must_use]
    pub fn new(members: Vec<Member>, all_down: AllDown) -> Self {
        let is_up = |it: &Member| it.state == State::Up;
        let may_be_tried = |it: &Member| !matches!(it.state, State::Drain | State::Maint);
        let mut tiers = vec![(false, is_up as fn(&Member) -> bool), (true, is_up)];
        if all_down == AllDown::TryAll {
            tiers.extend([
                (false, may_be_tried as fn(&Member) -> bool),
                (true, may_be_tried),
            ]);
        }
        let tier = |(backup, allowed): (bool, fn(&Member) -> bool)| {
            let fits = |it: &Member| it.backup == backup && it.weight > 0 && allowed(it);
            let places = (0..members.len()).filter(|&place| fits(&members[place]));
            places.collect::<Box<[_]>>()
        };
        let eligible = tiers.into_iter().map(tier).find(|it| !it.is_empty());
        Self {
            eligible: eligible.unwrap_or_default(),
            members: members.into(),
        }
    }

    /// All backends of the pool, in the order of the configuration.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Places in [`LiveSet::members`] of those that may get new sessions, as far as their limits
    /// allow; in ascending order.
    #[must_use]
    pub fn eligible(&self) -> &[usize] {
        &self.eligible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::BackendId;

    #[test]
    fn all_states_are_in_their_own_places() {
        for (place, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place, "{state:?}");
        }
    }

    /// Members by a word each: a state's first letter, `b` for a backup, `0` for weight 0.
    fn eligible(words: &str, all_down: AllDown) -> Vec<usize> {
        let member = |(id, word): (u32, &str)| Member {
            backend: Arc::new(Backend::new(
                BackendId(id),
                "app".into(),
                word.into(),
                ([127, 0, 0, 1], 80).into(),
                1,
            )),
            state: match &word[..1] {
                "u" => State::Up,
                "d" => State::Down,
                "r" => State::Drain,
                "m" => State::Maint,
                _ => State::Ejected,
            },
            weight: u16::from(!word.contains('0')),
            warmth: WARM,
            backup: word.contains('b'),
            limit: u32::MAX,
        };
        let members = (0..).zip(words.split(' ')).map(member).collect();
        LiveSet::new(members, all_down).eligible().to_vec()
    }

    #[test]
    fn primaries_go_before_backups_and_both_before_those_that_are_down() {
        let table: [(&str, &[usize], &[usize]); 9] = [
            ("u u ub", &[0, 1], &[0, 1]),
            ("d u ub", &[1], &[1]),
            ("d e ub", &[2], &[2]),
            ("d m ub ub", &[2, 3], &[2, 3]),
            ("d r m db", &[], &[0]),
            ("r m db", &[], &[2]),
            ("e d", &[], &[0, 1]),
            ("u0 d ub", &[2], &[2]),
            ("m r", &[], &[]),
        ];
        for (words, reject, try_all) in table {
            assert_eq!(eligible(words, AllDown::Reject), reject, "{words}");
            assert_eq!(eligible(words, AllDown::TryAll), try_all, "{words}");
        }
    }
}
