//! What a probe says, and what is made of the answer: bytes in, finding out. Pure.
//!
//! A finding is made as soon as the bytes allow it, whatever follows them, and does not depend on
//! how they were cut into pieces.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::config::Check;

/// Of an answer that is not to be found in so many bytes, no more is read.
const ANSWER_BYTES: usize = 16 * 1024;

/// An interim response with more headers is none.
const MOST_HEADERS: usize = 64;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The backend passed, with what it did.
    Passed(String),
    /// The backend failed, with the reason.
    Failed(String),
    /// This machine could not even ask: nothing is said of the backend.
    Unable(String),
}

/// What is sent to a backend at `address`.
pub(super) fn question(check: &Check, address: SocketAddr) -> Vec<u8> {
    match check {
        Check::Tcp => Vec::new(),
        Check::SendExpect { send, .. } => send.to_vec(),
        Check::Http { path, host, .. } => {
            // Without the zone of a link-local address, which means nothing elsewhere (RFC 6874).
            let address = SocketAddr::new(address.ip(), address.port()).to_string();
            let host = host.as_deref().unwrap_or(&address);
            let agent = concat!("l4lb-health/", env!("CARGO_PKG_VERSION"));
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\
                 Connection: close\r\n\r\n"
            );
            request.into_bytes()
        }
    }
}

/// An answer as far as it has been heard.
pub(super) struct Answer {
    expected: Expected,
    heard: Vec<u8>,
    /// Where in `heard` the final response begins at the earliest: interim ones end before it.
    start: usize,
}

enum Expected {
    Status(Arc<[RangeInclusive<u16>]>),
    Text(Arc<[u8]>),
}

impl Answer {
    /// Nothing is heard yet; `None` where the check expects no answer.
    pub(super) fn to(check: &Check) -> Option<Self> {
        let expected = match check {
            Check::Tcp => return None,
            Check::Http { status, .. } => Expected::Status(Arc::clone(status)),
            Check::SendExpect { expect, .. } => Expected::Text(Arc::clone(expect)),
        };
        Some(Self {
            expected,
            heard: Vec::new(),
            start: 0,
        })
    }

    /// Hears the next piece. Not to be called again after a finding.
    pub(super) fn hear(&mut self, piece: &[u8]) -> Option<Finding> {
        let known = self.heard.len();
        let room = ANSWER_BYTES - known;
        self.heard
            .extend_from_slice(&piece[..room.min(piece.len())]);
        let finding = match &self.expected {
            Expected::Text(text) => {
                let from = known.saturating_sub(text.len());
                contains(&self.heard[from..], text)
                    .then(|| Finding::Passed("the expected answer".to_owned()))
            }
            Expected::Status(ranges) => {
                let ranges = Arc::clone(ranges);
                self.status().map(|status| judge(status, &ranges))
            }
        };
        let is_full = self.heard.len() == ANSWER_BYTES;
        finding.or_else(|| is_full.then(|| Finding::Failed(self.lack("16 KiB without"))))
    }

    /// The connection has ended.
    pub(super) fn end(&self) -> Finding {
        Finding::Failed(self.lack("the connection ended before"))
    }

    fn lack(&self, start: &str) -> String {
        match self.expected {
            Expected::Status(_) => format!("{start} an answer"),
            Expected::Text(_) => format!("{start} the expected answer"),
        }
    }

    /// The status of the first response that is not interim, once its line is complete; an error
    /// where it cannot become one any more.
    fn status(&mut self) -> Option<Result<u16, httparse::Error>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.heard[self.start..]);
            // The reason, which may be empty, is known when the line has ended.
            let status = response.reason.and(response.code);
            match (status.filter(|it| !(100..200).contains(it)), parsed) {
                (Some(status), _) => return Some(Ok(status)),
                (None, Ok(httparse::Status::Complete(length))) => self.start += length,
                (None, Ok(httparse::Status::Partial)) => return None,
                (None, Err(error)) => return Some(Err(error)),
            }
        }
    }
}

fn judge(status: Result<u16, httparse::Error>, ranges: &[RangeInclusive<u16>]) -> Finding {
    match status {
        Ok(status) if ranges.iter().any(|it| it.contains(&status)) => {
            Finding::Passed(format!("status {status}"))
        }
        Ok(status) => Finding::Failed(format!("status {status}")),
        Err(_) => Finding::Failed("not an HTTP answer".to_owned()),
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|it| it == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn http(status: &[RangeInclusive<u16>]) -> Check {
        Check::Http {
            path: "/up?x=1".into(),
            host: None,
            status: status.into(),
        }
    }

    fn expecting(text: &[u8]) -> Check {
        Check::SendExpect {
            send: b"PING\r\n"[..].into(),
            expect: text.into(),
        }
    }

    /// Hears piece by piece until there is a finding, or the end.
    fn hear<'a>(check: &Check, pieces: impl IntoIterator<Item = &'a [u8]>) -> Finding {
        let mut answer = Answer::to(check).unwrap();
        let found = pieces.into_iter().find_map(|piece| answer.hear(piece));
        found.unwrap_or_else(|| answer.end())
    }

    /// What is found is the same in one piece and byte by byte.
    #[track_caller]
    fn found(check: &Check, bytes: &[u8]) -> Result<String, String> {
        let found = hear(check, [bytes]);
        assert_eq!(found, hear(check, bytes.chunks(1)), "byte by byte");
        match found {
            Finding::Passed(why) => Ok(why),
            Finding::Failed(why) => Err(why),
            Finding::Unable(why) => panic!("{why}"),
        }
    }

    #[test]
    fn an_http_answer_is_judged_by_the_line_of_its_final_status() {
        let none = Err("not an HTTP answer");
        let ended = Err("the connection ended before an answer");
        let table = [
            ("HTTP/1.1 200 OK\r\n", Ok("status 200")),
            ("HTTP/1.0 399\r\n", Ok("status 399")),
            ("HTTP/1.1 204 \n\n", Ok("status 204")),
            (
                "\r\nHTTP/1.1 200 OK\r\nno header at all\r\n",
                Ok("status 200"),
            ),
            ("HTTP/1.1 503 Busy\r\n", Err("status 503")),
            ("HTTP/1.1 400 Bad\r\n\r\n", Err("status 400")),
            ("HTTP/1.1 999 What\r\n", Err("status 999")),
            ("HTTP/1.1 099 What\r\n", Err("status 99")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
                Ok("status 200"),
            ),
            (
                "HTTP/1.1 103 Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 500 No\r\n",
                Err("status 500"),
            ),
            ("HTTP/1.1 100 Continue\r\n\r\n", ended),
            ("HTTP/1.1 100 Continue\r\n\r\n+OK", none),
            ("HTTP/1.1 200 OK", ended),
            ("HTTP/1.1 200", ended),
            ("HTTP/1", ended),
            ("", ended),
            ("HTTP/1.1 20x OK\r\n", none),
            ("HTTP/1.1 2000 OK\r\n", none),
            ("HTTP/2.0 200 OK\r\n", none),
            ("220 mail.example ready\r\n", none),
            ("HTTP/1.1 200 \u{1}\r\n", none),
            ("<html>", none),
        ];
        for (bytes, expected) in table {
            let found = found(&http(&[200..=399]), bytes.as_bytes());
            assert_eq!(found.as_deref().map_err(|it| &**it), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_status_passes_in_any_of_the_ranges() {
        let check = http(&[200..=200, 401..=403]);
        for (status, passes) in [
            (200, true),
            (201, false),
            (401, true),
            (403, true),
            (404, false),
        ] {
            let found = found(&check, format!("HTTP/1.1 {status} x\r\n").as_bytes());
            assert_eq!(found.is_ok(), passes, "{status}");
        }
    }

    #[test]
    fn an_answer_is_searched_in_its_first_16_kib_and_no_further() {
        let line = "HTTP/1.1 200 ";
        let fitting = format!("{line}{:x<1$}\n", "", ANSWER_BYTES - line.len() - 1);
        let check = http(&[200..=399]);
        assert_eq!(
            hear(&check, [fitting.as_bytes()]),
            Finding::Passed("status 200".to_owned())
        );
        let longer = fitting.replace('\n', "x\n");
        let failed = Finding::Failed("16 KiB without an answer".to_owned());
        assert_eq!(hear(&check, [longer.as_bytes()]), failed);
        assert_eq!(hear(&check, longer.as_bytes().chunks(1000)), failed);
        let expect = expecting(b"END");
        let fitting = format!("{:x>1$}", "END", ANSWER_BYTES);
        assert!(matches!(
            hear(&expect, [fitting.as_bytes()]),
            Finding::Passed(_)
        ));
        let failed = Finding::Failed("16 KiB without the expected answer".to_owned());
        assert_eq!(hear(&expect, [format!("x{fitting}").as_bytes()]), failed);
    }

    #[test]
    fn an_expected_answer_may_begin_anywhere_and_come_in_pieces() {
        let ended = Err("the connection ended before the expected answer".to_owned());
        let passed = Ok("the expected answer".to_owned());
        for (text, bytes, expected) in [
            ("+PONG", "+PONG\r\n", &passed),
            ("PONG", "PPOPONPONG", &passed),
            ("PONG", "PON", &ended),
            ("PONG", "", &ended),
            ("\0\u{7f}", "a\0\u{7f}", &passed),
        ] {
            assert_eq!(
                found(&expecting(text.as_bytes()), bytes.as_bytes()),
                *expected,
                "{bytes}"
            );
        }
    }

    #[test]
    fn the_request_names_the_host_or_the_probed_address() {
        let mut check = http(&[200..=399]);
        let text = |check: &Check, address: &str| {
            String::from_utf8(question(check, address.parse().unwrap())).unwrap()
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            text(&check, "10.0.0.1:8080"),
            format!(
                "GET /up?x=1 HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: l4lb-health/{version}\r\n\
                 Accept: */*\r\nConnection: close\r\n\r\n"
            )
        );
        assert!(text(&check, "[fe80::1%3]:80").contains("\r\nHost: [fe80::1]:80\r\n"));
        if let Check::Http { host, .. } = &mut check {
            *host = Some("app.example".into());
        }
        assert!(text(&check, "[::1]:80").contains("\r\nHost: app.example\r\n"));
        assert_eq!(text(&expecting(b"x"), "[::1]:80"), "PING\r\n");
    }

    /// Answers that are nearly right: pieces of right ones in any order.
    fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
        let part = prop::sample::select(vec![
            "HTTP/1.1 ",
            "200 OK\r\n",
            "503 Busy\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "Name: value\r\n",
            "\r\n",
            "\r",
            "2",
            " \0\u{80}",
        ]);
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn a_finding_does_not_depend_on_how_the_answer_is_cut(
            bytes in prop_oneof![nearly_http(), prop::collection::vec(any::<u8>(), 0..200)],
            cuts in prop::collection::vec(1_usize..20, 1..100),
        ) {
            for check in [http(&[200..=399]), expecting(b"00 ")] {
                let mut rest = &bytes[..];
                let pieces = cuts.iter().cycle().map_while(|&cut| {
                    let (piece, after) = rest.split_at_checked(cut.min(rest.len()))?;
                    rest = after;
                    (!piece.is_empty()).then_some(piece)
                });
                prop_assert_eq!(hear(&check, pieces), hear(&check, [&bytes[..]]));
            }
        }
    }
}
