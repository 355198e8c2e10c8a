//! How many sessions and pipes the limit of descriptors allows.
//!
//! Two descriptors a session, two a pipe; the rest of the process needs a few. Imports nothing of
//! ours. Called by supervisor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Standard streams, epoll instances, wakers, signal pipes, the access log, and some to spare.
const OWN_DESCRIPTORS: usize = 24;

/// A pipe for every so many descriptors, within bounds.
const DESCRIPTORS_PER_PIPE: usize = 64;
const PIPES: std::ops::RangeInclusive<usize> = 2..=256;

/// What the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The limit that the rest follows from.
    pub descriptors: usize,
    /// Sessions at once.
    pub sessions: usize,
    /// Pipes at once.
    pub pipes: usize,
}

impl Budget {
    /// Sessions at once, as workers count them.
    #[must_use]
    pub fn session_limit(&self) -> u32 {
        u32::try_from(self.sessions).unwrap_or(u32::MAX)
    }
}

/// Raises the limit of descriptors as far as it goes, and divides what there is. `others` more are
/// needed for listeners and probes.
///
/// # Errors
///
/// A sentence where not even one session is possible.
pub fn budget(others: usize, wanted: Option<usize>) -> Result<Budget, String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it is refused, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    divide(usize::try_from(limit).unwrap_or(1 << 20), others, wanted)
}

fn divide(descriptors: usize, others: usize, wanted: Option<usize>) -> Result<Budget, String> {
    let pipes = (descriptors / DESCRIPTORS_PER_PIPE).clamp(*PIPES.start(), *PIPES.end());
    let possible = descriptors.saturating_sub(OWN_DESCRIPTORS + others + 2 * pipes) / 2;
    if possible == 0 {
        return Err(format!(
            "the limit of {descriptors} descriptors leaves none for a session"
        ));
    }
    let sessions = wanted.map_or(possible, |wanted| wanted.min(possible));
    Ok(Budget {
        descriptors,
        sessions,
        pipes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_pipes_and_the_rest_fit_into_the_limit() {
        for descriptors in [64, 256, 1024, 20_000, 1 << 20] {
            for others in [2, 20] {
                let budget = divide(descriptors, others, None).unwrap();
                let used = 2 * (budget.sessions + budget.pipes) + OWN_DESCRIPTORS + others;
                assert!(used <= descriptors && used + 2 > descriptors, "{budget:?}");
            }
        }
        assert!(divide(20_000, 4, None).unwrap().sessions > 9_000);
    }

    #[test]
    fn a_wish_is_granted_as_far_as_possible() {
        assert_eq!(divide(20_000, 4, Some(10)).unwrap().sessions, 10);
        assert_eq!(divide(1024, 4, Some(5_000)), divide(1024, 4, None));
        assert!(divide(24, 1, None).is_err());
    }
}
