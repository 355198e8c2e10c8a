//! What is true of all messages.

use proptest::prelude::*;

use super::super::edit::{self, Change, Persistence, RequestEdit};
use super::super::field::Name;
use super::super::{Forwarded, Origin, Parsed, Scheme, request, response};
use super::ASKED;
use super::pieces::{conversation, relayed, relayed_in};

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => conversation(),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "A: b\r\n",
        "Content-Length: 5\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: x\r\n",
        "A : b\r\n",
    ])
}

fn forwarded() -> impl Strategy<Value = Option<Forwarded>> {
    prop::sample::select(vec![
        None,
        Some(Forwarded::XForwarded),
        Some(Forwarded::Rfc7239),
    ])
}

proptest! {
    #[test]
    fn what_passes_does_not_depend_on_how_it_is_cut(
        bytes in anything(),
        lengths in prop::collection::vec(1_usize..20, 1..20),
    ) {
        let at_once = relayed(&bytes);
        let cut = relayed_in(&bytes, lengths.iter().copied());
        prop_assert_eq!(&at_once.requests, &cut.requests);
        prop_assert_eq!(at_once.refusal, cut.refusal);
        prop_assert!(cut.bytes.starts_with(&at_once.bytes));
    }

    #[test]
    fn what_was_sent_on_is_seen_as_the_same_by_another_l4lb(bytes in anything()) {
        let first = relayed(&bytes);
        let second = relayed(&first.bytes);
        prop_assert_eq!(&first.requests, &second.requests);
        prop_assert_eq!(&first.bytes, &second.bytes);
        prop_assert_eq!(second.refusal, None);
    }

    #[test]
    fn a_response_does_not_depend_on_how_it_is_cut(
        line in "HTTP/1.[01] [1-5][0-9]{2} ?[a-z]?\r?\n",
        lines in prop::collection::vec(field(), 0..4),
        rest in "\r\n|\n|[ -~]*",
        length in 1_usize..20,
    ) {
        let bytes = format!("{line}{}{rest}", lines.concat()).into_bytes();
        let at_once = response::parse(&bytes, ASKED);
        let mut reader = response::Reader::default();
        let ends = (1..).map(|it| bytes.len().min(it * length));
        let read = ends.map(|end| (end, reader.read(&bytes[..end], ASKED)));
        let mut read = read.skip_while(|(end, it)| *it == Parsed::Incomplete && *end < bytes.len());
        prop_assert_eq!(read.next().map(|it| it.1), Some(at_once));
    }

    #[test]
    fn whatever_a_value_is_a_head_has_the_lines_that_were_set(
        value in prop::collection::vec(any::<u8>(), 0..40),
        forwarded in forwarded(),
        is_trusted: bool,
    ) {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX-By: b\r\nX-Forwarded-For: c\r\n\r\n";
        let Parsed::Head(head) = request::parse(bytes) else { panic!() };
        let name = |it| Name::parse(it).unwrap();
        let changes = [
            Change::Set(name("x-by"), value.clone()),
            Change::Add(name("X-By"), value),
            Change::Remove(name("Forwarded")),
        ];
        let origin = Origin {
            client: [192, 0, 2, 7].into(),
            scheme: Scheme::Http,
            port: 80,
            is_trusted,
        };
        let edit = RequestEdit {
            changes: &changes,
            forwarded: forwarded.map(|it| (it, origin)),
            persistence: Persistence::Keep,
        };
        let mut out = Vec::new();
        edit::request(&head, &edit, |value, out| out.extend_from_slice(value), &mut out);
        let Parsed::Head(edited) = request::parse(&out) else { panic!("{}", out.escape_ascii()) };
        prop_assert_eq!(edited.consumed, out.len());
        prop_assert_eq!(edited.fields.iter().filter(|it| it.is("X-By")).count(), 2);
        prop_assert_eq!(edited.field("Forwarded"), None);
        prop_assert_eq!((edited.method, edited.target), (head.method, head.target));
        prop_assert_eq!(edited.framing, head.framing);
    }
}
