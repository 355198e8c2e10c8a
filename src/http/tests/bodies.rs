//! RFC 9112 on bodies: chunks to the letter, and how many bytes may pass unseen.

use super::super::{Body, Framing, Passed};

/// Shows a body pieces of these bytes: what has passed, whether it is over, and what is sent on.
fn passed(
    framing: Framing,
    bytes: &[u8],
    size: usize,
) -> Result<(usize, bool, Vec<u8>), &'static str> {
    let mut body = Body::new(framing);
    let mut all = (0, body.is_over(), Vec::new());
    for piece in bytes.chunks(size) {
        let passed: Passed = body.pass(piece).map_err(|refusal| refusal.why)?;
        all.0 += passed.length;
        all.1 = passed.over;
        all.2.extend(passed.kept(piece).concat());
    }
    Ok(all)
}

/// How many bytes of a body pass until it is over, the same in one piece and byte by byte; `None`
/// where it is not.
#[track_caller]
fn end_of(framing: Framing, bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let at_once = passed(framing, bytes, bytes.len().max(1));
    let by_byte = passed(framing, bytes, 1);
    assert_eq!(at_once, by_byte, "{}", bytes.escape_ascii());
    let (length, over, _) = at_once?;
    assert!(over || length == bytes.len());
    Ok(over.then_some(length))
}

#[test]
fn trailers_do_not_pass_and_the_empty_line_does() {
    let table = [
        ("0\r\n\r\n", "0\r\n\r\n"),
        ("0\r\nA: b\r\n\r\nGET", "0\r\n\r\n"),
        (
            "1\r\na\r\n0;b\r\nX-Subject: admin\r\nC: d\r\n\r\n",
            "1\r\na\r\n0;b\r\n\r\n",
        ),
        ("0\r\nContent-Length: 5\r\n\r\n", "0\r\n\r\n"),
        ("0\r\nA: b\r\n", "0\r\n"),
        ("0\r\nA: b\r\n\r", "0\r\n\r"),
    ];
    for (bytes, sent) in table {
        for size in 1..=bytes.len() {
            let (_, _, kept) = passed(Framing::Chunked, bytes.as_bytes(), size).unwrap();
            assert_eq!(kept, sent.as_bytes(), "{bytes:?} in pieces of {size}");
        }
    }
}

#[test]
fn chunks_are_read_to_the_letter() {
    const FEED: &str = "a carriage return without a line feed";
    const SIZE: &str = "the size of a chunk that is no number";
    const EXTENSION: &str = "an extension of a chunk";
    const OUTLASTS: &str = "a chunk that outlasts its size";
    let table = rows![
        "7.1", "5\r\nhello\r\n0\r\n\r\n" => Ok(Some(15));
        "7.1: and what follows", "0\r\n\r\nGET" => Ok(Some(5));
        "7.1: two", "1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\n" => Ok(Some(26));
        "7.1: in either case", "a\r\n0123456789\r\n0\r\n\r\n" => Ok(Some(20));
        "7.1: zeros before", "0005\r\nhello\r\n000\r\n\r\n" => Ok(Some(20));
        "7.1: line endings in data", "4\r\n\r\n\r\n\r\n0\r\n\r\n" => Ok(Some(14));
        "7.1: not over", "5\r\nhello\r\n0\r\n\r" => Ok(None);
        "7.1: not over", "5\r\nhello\r\n" => Ok(None);
        "7.1: no size", "\r\nhello" => Err("a chunk without a size");
        "7.1: no size", ";a\r\n" => Err("a chunk without a size");
        "7.1: a sign", "+5\r\n" => Err("a chunk without a size");
        "7.1: a sign", "-0\r\n" => Err("a chunk without a size");
        "7.1: a space before", " 5\r\n" => Err("a chunk without a size");
        "7.1: a prefix", "0x5\r\n" => Err(SIZE);
        "7.1: a letter", "5g\r\n" => Err(SIZE);
        "7.1: an underscore", "1_0\r\n" => Err(SIZE);
        "7.1: NUL", "5\0\r\n" => Err(SIZE);
        "7.1: the longest", "fffffffffffffff\r\n" => Ok(None);
        "7.1: too long", "1000000000000000\r\n" => Err("the size of a chunk with too many");
        "7.1: too many zeros", "0000000000000005\r\n" => Err("the size of a chunk with too many");
        "7.1: LF after the size", "5\nhello" => Err(SIZE);
        "7.1: CR after the size", "5\rhello" => Err(FEED);
        "7.1: CR after the last size", "0\r\r\n" => Err(FEED);
        "7.1: LF after the data", "1\r\na\n" => Err(OUTLASTS);
        "7.1: CR after the data", "1\r\na\ra" => Err(OUTLASTS);
        "7.1: a space after the data", "1\r\na \n" => Err(OUTLASTS);
        "7.1: longer than its size", "1\r\nab\r\n" => Err(OUTLASTS);
        "7.1.1: an extension", "5;a\r\nhello\r\n0;b=c;d=\"e;\\\"\"\r\n\r\n" => Ok(Some(30));
        "7.1.1: bad white space", "5 ; a = b\t;c\r\nhello\r\n0\r\n\r\n" => Ok(Some(26));
        "7.1.1: bad white space alone", "5 \r\n" => Err(EXTENSION);
        "7.1.1: no name", "5;\r\n" => Err(EXTENSION);
        "7.1.1: no name", "5;;a\r\n" => Err(EXTENSION);
        "7.1.1: no value", "5;a=\r\n" => Err(EXTENSION);
        "7.1.1: two words", "5;a b\r\n" => Err(EXTENSION);
        "7.1.1: two values", "5;a=b=c\r\n" => Err(EXTENSION);
        "7.1.1: after a value", "5;a=\"b\"c\r\n" => Err(EXTENSION);
        "7.1.1: LF", "5;a\n" => Err(EXTENSION);
        "7.1.1: LF", "5;\n" => Err(EXTENSION);
        "7.1.1: CR", "5;a\rb" => Err(FEED);
        "7.1.1: a line ending in quotes", "5;a=\"\r\n\"\r\n" => Err(EXTENSION);
        "7.1.1: CR in quotes", "5;a=\"\rb\"\r\n" => Err(EXTENSION);
        "7.1.1: a value without a name", "5 =a\r\n" => Err(EXTENSION);
        "7.1.1: two values, apart", "5;a=b =c\r\n" => Err(EXTENSION);
        "7.1.1: an escaped line ending", "5;a=\"\\\r\n\"\r\n" => Err(EXTENSION);
        "7.1.2: trailers", "0\r\nA: b\r\nC: d\r\n\r\n" => Ok(Some(17));
        "7.1.2: LF", "0\r\nA: b\n\r\n" => Err("a line feed without");
        "7.1.2: LF", "0\r\n\n" => Err("a line feed without");
        "7.1.2: CR", "0\r\n\r\r\n\r\n" => Err(FEED);
        "7.1.2: CR", "0\r\nA: b\rC: d\r\n\r\n" => Err("a field's value");
        "7.1.2: no name", "0\r\nGET / HTTP/1.1\r\n\r\n" => Err("a field's name");
        "7.1.2: folded", "0\r\nA: b\r\n c\r\n\r\n" => Err("a field's name");
        "7.1.2: CR", "0\r\nA: b\r\n\rC: d\r\n\r\n" => Err(FEED);
    ];
    for (rule, bytes, expected) in table {
        let seen = end_of(Framing::Chunked, bytes.as_bytes());
        match (seen, expected) {
            (Ok(seen), Ok(end)) if seen == end => {}
            (Err(seen), Err(why)) if seen.starts_with(why) => {}
            _ => panic!("{rule}: {bytes:?}: {seen:?}"),
        }
    }
}

#[test]
fn what_is_no_data_is_bounded() {
    let extension = |length: usize| format!("0;{:a<1$}\r\n\r\n", "", length - 1);
    let trailer = |length: usize| format!("0\r\nA: {:a<1$}\r\n\r\n", "", length - 7);
    let ends = |bytes: &str| end_of(Framing::Chunked, bytes.as_bytes());
    assert_eq!(ends(&extension(1024)), Ok(Some(1029)));
    assert!(
        ends(&extension(1025))
            .unwrap_err()
            .contains("more than 1 KiB")
    );
    assert_eq!(ends(&trailer(8192)), Ok(Some(8195)));
    assert!(
        ends(&trailer(8193))
            .unwrap_err()
            .contains("more than 8 KiB")
    );
    let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert_eq!(ends(&many), Err("more than 100 fields"));
}

#[test]
fn a_body_ends_as_its_framing_says() {
    assert_eq!(end_of(Framing::None, b""), Ok(Some(0)));
    assert_eq!(end_of(Framing::None, b"GET"), Ok(Some(0)));
    assert_eq!(end_of(Framing::Length(5), b"helloGET"), Ok(Some(5)));
    assert_eq!(end_of(Framing::Length(5), b"hell"), Ok(None));
    assert_eq!(end_of(Framing::UntilClose, b"hell"), Ok(None));
}

#[test]
fn data_may_pass_unseen_and_nothing_else_may() {
    let mut body = Body::new(Framing::Length(7));
    assert_eq!(body.unseen(), 7);
    body.pass_unseen(4);
    assert_eq!((body.unseen(), body.is_over()), (3, false));
    body.pass(b"abc").unwrap();
    assert_eq!((body.unseen(), body.is_over()), (0, true));

    let mut chunked = Body::new(Framing::Chunked);
    for (bytes, unseen) in [("1", 0), ("0\r", 0), ("\n", 16), ("ab", 14)] {
        chunked.pass(bytes.as_bytes()).unwrap();
        assert_eq!(chunked.unseen(), unseen, "{bytes:?}");
    }
    chunked.pass_unseen(14);
    assert_eq!(chunked.unseen(), 0);
    let passed = chunked.pass(b"\r\n0\r\n\r\n").unwrap();
    assert_eq!((passed.length, passed.over), (7, true));

    let mut open = Body::new(Framing::UntilClose);
    open.pass_unseen(1 << 40);
    assert_eq!((open.unseen(), open.is_over()), (u64::MAX, false));
}

#[test]
fn only_a_body_that_is_whole_may_end() {
    let table = [
        (Framing::None, "", true),
        (Framing::Length(2), "a", false),
        (Framing::Length(2), "ab", true),
        (Framing::Chunked, "1\r\na\r\n", false),
        (Framing::Chunked, "0\r\n\r\n", true),
        (Framing::UntilClose, "a", true),
    ];
    for (framing, bytes, expected) in table {
        let mut body = Body::new(framing);
        body.pass(bytes.as_bytes()).unwrap();
        assert_eq!(body.may_end(), expected, "{framing:?} {bytes:?}");
    }
}
