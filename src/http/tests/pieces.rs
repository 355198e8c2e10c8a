//! Conversations that are nearly HTTP, and what would be sent on of them.

use proptest::prelude::*;

use super::super::edit::{self, Persistence, RequestEdit};
use super::super::{Body, Parsed, Refusal, request};

/// A request that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    /// Without its chunks.
    pub(super) body: Vec<u8>,
    pub(super) persists: bool,
}

/// What has come of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Relayed {
    /// The requests that have passed as a whole.
    pub(super) requests: Vec<Seen>,
    /// What was sent on.
    pub(super) bytes: Vec<u8>,
    /// Why it was ended.
    pub(super) refusal: Option<Refusal>,
}

/// Sends on what comes in one piece.
pub(super) fn relayed(bytes: &[u8]) -> Relayed {
    relayed_in(bytes, [bytes.len()])
}

/// Sends on what comes in pieces of these lengths, again and again.
pub(super) fn relayed_in(
    bytes: &[u8],
    lengths: impl IntoIterator<Item = usize, IntoIter: Clone>,
) -> Relayed {
    let mut relay = Relay::default();
    let mut end = 0;
    for length in lengths.into_iter().cycle() {
        if end == bytes.len() || relay.relayed.refusal.is_some() {
            break;
        }
        end = bytes.len().min(end + length);
        if let Err(refusal) = relay.take(&bytes[..end]) {
            relay.relayed.refusal = Some(refusal);
        }
    }
    relay.relayed
}

#[derive(Default)]
struct Relay {
    relayed: Relayed,
    /// Where the message begins, or the part of a body that has not passed.
    start: usize,
    reader: request::Reader,
    body: Option<(Body, Seen)>,
}

impl Relay {
    fn take(&mut self, known: &[u8]) -> Result<(), Refusal> {
        while !self.has_ended() && (self.body.is_some() || self.start < known.len()) {
            let is_done = match self.body.take() {
                Some((body, seen)) => self.pass(known, body, seen)?,
                None => self.begin(known)?,
            };
            if !is_done {
                break;
            }
        }
        Ok(())
    }

    /// After its last request, whatever a client sends is nobody's.
    fn has_ended(&self) -> bool {
        self.relayed.requests.last().is_some_and(|it| !it.persists)
    }

    fn begin(&mut self, known: &[u8]) -> Result<bool, Refusal> {
        let head = match self.reader.read(&known[self.start..]) {
            Parsed::Incomplete => return Ok(false),
            Parsed::Bad(refusal) => return Err(refusal),
            Parsed::Head(head) => head,
        };
        let persists = head.asked().persists;
        let edit = RequestEdit::<()> {
            changes: &[],
            forwarded: None,
            persistence: match persists {
                true => Persistence::Keep,
                false => Persistence::Close,
            },
        };
        edit::request(&head, &edit, |(), _| {}, &mut self.relayed.bytes);
        let seen = Seen {
            method: head.method.to_owned(),
            target: head.target.to_owned(),
            body: Vec::new(),
            persists,
        };
        self.body = Some((Body::new(head.framing), seen));
        self.start += head.consumed;
        self.reader = request::Reader::default();
        Ok(true)
    }

    fn pass(&mut self, known: &[u8], mut body: Body, mut seen: Seen) -> Result<bool, Refusal> {
        let bytes = &known[self.start..];
        // The data of the chunks is what may pass unseen.
        let mut follower = body.clone();
        for byte in bytes {
            let is_data = follower.unseen() > 0;
            if follower.is_over() || follower.pass(&[*byte]).is_err() {
                break;
            }
            seen.body.extend(is_data.then_some(byte));
        }
        let passed = body.pass(bytes)?;
        self.relayed.bytes.extend(passed.kept(bytes).concat());
        self.start += passed.length;
        if passed.over {
            self.relayed.requests.push(seen);
        } else {
            self.body = Some((body, seen));
        }
        Ok(passed.over)
    }
}

/// Several requests one after the other, of parts that are right or nearly so, with some bytes
/// changed.
pub(super) fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let odd = (line(), prop::collection::vec(field(), 0..4), body());
    let odd = odd.prop_map(|(line, fields, body)| format!("{line}{}{body}", fields.concat()));
    let request = prop_oneof![2 => right(), 1 => odd];
    let slip = (any::<prop::sample::Index>(), slip());
    let slips = prop::collection::vec(slip, 0..2);
    (prop::collection::vec(request, 1..4), slips).prop_map(|(requests, slips)| {
        let mut bytes = requests.concat().into_bytes();
        for (place, (taken, put)) in slips {
            let start = place.index(bytes.len());
            let end = bytes.len().min(start + taken);
            bytes.splice(start..end, put);
        }
        bytes
    })
}

/// A request that is right.
fn right() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "POST /a HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost:b\r\n",
    ]);
    let rest = prop::sample::select(vec![
        "\r\n",
        "Content-Length: 0\r\n\r\n",
        "Content-Length: 05\r\nA: b\r\n\r\nGET /",
        "transfer-encoding:Chunked\r\n\r\n5;a=\"b\"\r\nGET /\r\n00\r\nA: b\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nG\r\n\r\n1\r\n\n\r\n0\r\n\r\n",
    ]);
    (line, rest).prop_map(|(line, rest)| format!("{line}{rest}"))
}

fn line() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        9 => Just("POST /a HTTP/1.1\r\nHost: a\r\n"),
        1 => prop::sample::select(vec![
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "PUT http://a/ HTTP/1.1\r\nHost: a\r\n",
            "HEAD /b HTTP/1.0\r\nConnection: keep-alive\r\n",
            "GET / HTTP/1.0\r\n",
            "\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.1\r\n",
            "GET /\r\n",
        ]),
    ]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        2 => prop::sample::select(vec![
            "A: b\r\n",
            "Connection: close\r\n",
            "Expect: 100-continue\r\n",
        ]),
        4 => prop::sample::select(vec![
            "Content-Length: 5\r\n",
            "Content-Length: 05\r\n",
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding:Chunked\r\n",
        ]),
        1 => prop::sample::select(vec![
            "Content-Length: 0\r\n",
            "Content-Length: +5\r\n",
            "Content-Length : 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content_Length: 5\r\n",
            "Transfer-Encoding: x\r\n",
            "Transfer-Encoding:\n chunked\r\n",
            "Transfer-Encoding: chunked\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Connection: content-length\r\n",
            "Connection: upgrade\r\nUpgrade: websocket\r\n",
            "Trailer: A\r\n",
        ]),
    ]
}

fn body() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "\r\n",
        "\r\nhello",
        "\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "\r\n5;a=\"b\"\r\nhello\r\n00\r\nA: b\r\n\r\n",
        "\r\n3\r\nG\r\n\r\n1\r\n\n\r\n0\r\n\r\n",
        "\r\n5\r\nGET /\r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n0\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n5\r\nhello",
        "\n",
        "",
    ])
}

/// How many bytes are taken away, and what is put there.
fn slip() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let put = prop::sample::select(vec![
        "", "\r", "\n", "\r\n", " ", "\t", "\0", "\x0b", ";", ":", ",", "_", "0", "5", "\u{a0}",
        "\"",
    ]);
    (0_usize..3, put.prop_map(|it| it.as_bytes().to_vec()))
}
