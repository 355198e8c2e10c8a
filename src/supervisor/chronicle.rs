//! What has happened, of which the last hundred are kept, and who is told of the next. Reads no clock.
//!
//! Each happening has a number. The first one is the time of the start in milliseconds: so whoever knows the
//! number that came last asks an l4lb that was started anew for all that it has, and gets it.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use super::answers::time;
use crate::requests::{Happening, MOST_PAST, Past, Subscriber};

/// The longest text that is kept, in characters: what is wrong with a file can take pages.
const MOST_CHARS: usize = 2000;

/// What has happened.
pub(super) struct Chronicle {
    kept: VecDeque<Happening>,
    /// The number of the next one.
    next: u64,
    /// Who is told.
    subscribers: Vec<Subscriber>,
}

impl Chronicle {
    /// An empty one, of a process that was started then.
    pub(super) fn new(start: SystemTime) -> Self {
        let since = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            kept: VecDeque::with_capacity(MOST_PAST),
            next: u64::try_from(since.as_millis()).unwrap_or_default(),
            subscribers: Vec::new(),
        }
    }

    pub(super) fn subscribe(&mut self, subscriber: Subscriber) {
        self.subscribers.push(subscriber);
    }

    /// Keeps it, and tells whoever has subscribed.
    pub(super) fn note(&mut self, at: SystemTime, kind: &str, text: &str) {
        let happening = Happening {
            id: self.next,
            at: time(at),
            kind: kind.to_owned(),
            text: cut(text),
        };
        self.next += 1;
        self.subscribers.retain(|it| (it.0)(&happening));
        if self.kept.len() == MOST_PAST {
            self.kept.pop_front();
        }
        self.kept.push_back(happening);
    }

    /// Those that are asked for, the oldest first.
    pub(super) fn past(&self, past: Past) -> Vec<Happening> {
        let is_wanted = |place: usize, it: &Happening| match past {
            Past::Latest(most) => place + most >= self.kept.len(),
            Past::After(id) => it.id > id,
        };
        let kept = self.kept.iter().enumerate();
        let wanted = kept.filter(|(place, it)| is_wanted(*place, it));
        wanted.map(|(_, it)| it.clone()).collect()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const START: u64 = 1_795_000_000_000;

    fn start() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(START)
    }

    fn ids(chronicle: &Chronicle, past: Past) -> Vec<u64> {
        let past = chronicle.past(past).into_iter();
        past.map(|it| it.id - START).collect()
    }

    #[test]
    fn the_last_hundred_are_kept_and_given_the_oldest_first() {
        let mut chronicle = Chronicle::new(start());
        assert_eq!(chronicle.past(Past::Latest(100)), []);
        for _ in 0..130 {
            chronicle.note(start(), "backend", "app/b2 is down");
        }
        let last: Vec<u64> = (30..130).collect();
        assert_eq!(ids(&chronicle, Past::Latest(100)), last);
        assert_eq!(ids(&chronicle, Past::Latest(2)), [128, 129]);
        assert_eq!(ids(&chronicle, Past::Latest(0)), [0; 0]);
        assert_eq!(ids(&chronicle, Past::After(START + 127)), [128, 129]);
        assert_eq!(ids(&chronicle, Past::After(START + 129)), [0; 0]);
        assert_eq!(ids(&chronicle, Past::After(START - 1)), last);
    }

    #[test]
    fn whoever_is_told_is_told_the_number_under_which_it_is_kept() {
        let mut chronicle = Chronicle::new(start());
        let (sender, told) = channel();
        let tell = move |it: &Happening| sender.send(it.clone()).is_ok();
        chronicle.note(start(), "drain", "before");
        chronicle.subscribe(Subscriber(Box::new(tell)));
        chronicle.note(start(), "drain", "after");
        assert_eq!(chronicle.past(Past::Latest(1)), [told.try_recv().unwrap()]);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn a_text_is_no_longer_than_it_may_be() {
        let mut chronicle = Chronicle::new(start());
        for length in [MOST_CHARS, MOST_CHARS + 1, 1_000_000] {
            chronicle.note(start(), "reload", &"\u{e9}".repeat(length));
            let kept = chronicle.past(Past::Latest(1)).remove(0).text;
            let (wanted, is_cut) = (MOST_CHARS.min(length), length > MOST_CHARS);
            assert_eq!(kept.chars().count(), wanted + usize::from(is_cut));
            assert_eq!(kept.ends_with('…'), is_cut);
        }
    }
}
