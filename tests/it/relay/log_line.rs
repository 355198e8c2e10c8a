//! A line of the access log, taken apart.

use std::time::Duration;

/// What a test asks of a line.
#[derive(Clone, Debug)]
pub(super) struct LogLine {
    /// Its name alone; `-` where there was none.
    pub(super) backend: String,
    pub(super) total: Duration,
    /// From the client and from the backend.
    pub(super) bytes: (u64, u64),
    /// The two letters.
    pub(super) letters: String,
    pub(super) retries: u32,
    pub(super) path: String,
}

impl LogLine {
    pub(super) fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words.len(), 12, "{line}");
        let (_, backend) = words[3].split_once('/').unwrap();
        let millis: f64 = words[5].rsplit('/').next().unwrap().parse().unwrap();
        let (from_client, from_backend) = words[6].split_once('/').unwrap();
        Self {
            backend: backend.to_owned(),
            total: Duration::from_secs_f64(millis / 1000.0),
            bytes: (from_client.parse().unwrap(), from_backend.parse().unwrap()),
            letters: words[7].to_owned(),
            retries: words[8].parse().unwrap(),
            path: words[10].to_owned(),
        }
    }
}
