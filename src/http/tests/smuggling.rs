//! What smugglers try: two requests that look like one, or one that looks like two. Each of these
//! is known from an advisory or a paper about some other server; here each is refused, or
//! understood as what is written beside it.

use super::pieces::relayed;

/// What follows the part that is tried: where it is taken for a request, somebody was smuggled in.
const SECOND: &str = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn heads_that_smuggle_are_refused() {
    let (five, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    let tries = rows![
        "CL.TE", &*[five, chunked].concat();
        "TE.CL", &[chunked, five].concat();
        "TE.CL with a length of none", &[chunked, "Content-Length: 0\r\n"].concat();
        "CL.CL", &[five, "Content-Length: 6\r\n"].concat();
        "CL.CL, the same", &five.repeat(2);
        "CL.CL in one field", "Content-Length: 5, 6\r\n";
        "CL with a sign", "Content-Length: +5\r\n";
        "CL below none", "Content-Length: -1\r\n";
        "CL in hexadecimal", "Content-Length: 0x5\r\n";
        "CL with a space", "Content-Length: 1 5\r\n";
        "CL with a suffix", "Content-Length: 5abc\r\n";
        "CL that overflows 64 bits", "Content-Length: 18446744073709551621\r\n";
        "CL that is empty", "Content-Length: \r\n";
        "CL with a space before the colon", "Content-Length : 5\r\n";
        "CL with an underscore", "Content_Length: 5\r\n";
        "CL after a space", " Content-Length: 5\r\n";
        "CL folded", "Content-Length:\r\n 5\r\n";
        "CL behind a bare LF", "A: b\nContent-Length: 5\r\n";
        "CL behind a bare CR", "A: b\rContent-Length: 5\r\n";
        "CL behind a NUL", "A: b\0\r\nContent-Length: 5\r\n";
        "CL behind NUL in the name", "\0Content-Length: 5\r\n";
        "TE of another coding", "Transfer-Encoding: xchunked\r\n";
        "TE of identity", "Transfer-Encoding: identity\r\n";
        "TE of identity first", "Transfer-Encoding: identity, chunked\r\n";
        "TE repeated", &chunked.repeat(2);
        "TE repeated, the second nonsense", &[chunked, "Transfer-Encoding: x\r\n"].concat();
        "TE repeated, the first nonsense", &["Transfer-Encoding: x\r\n", chunked].concat();
        "TE with a parameter", "Transfer-Encoding: chunked;a=b\r\n";
        "TE in quotes", "Transfer-Encoding: \"chunked\"\r\n";
        "TE in single quotes", "Transfer-Encoding: 'chunked'\r\n";
        "TE with a comma after it", "Transfer-Encoding: chunked,\r\n";
        "TE with a comma before it", "Transfer-Encoding: , chunked\r\n";
        "TE with a vertical tab", "Transfer-Encoding:\x0bchunked\r\n";
        "TE with a form feed", "Transfer-Encoding: chunked\x0c\r\n";
        "TE with a NUL", "Transfer-Encoding: chunked\0\r\n";
        "TE with a no-break space", "Transfer-Encoding: \u{a0}chunked\r\n";
        "TE with a tab before the colon", "Transfer-Encoding\t: chunked\r\n";
        "TE with a space before the colon", "Transfer-Encoding : chunked\r\n";
        "TE after a space", " Transfer-Encoding: chunked\r\n";
        "TE after a tab", "\tTransfer-Encoding: chunked\r\n";
        "TE folded", "Transfer-Encoding:\r\n chunked\r\n";
        "TE folded after its value", "Transfer-Encoding: chunked\r\n ,x\r\n";
        "TE behind a bare LF", "A: b\nTransfer-Encoding: chunked\r\n";
        "TE behind a bare CR", "A: b\rTransfer-Encoding: chunked\r\n";
        "TE with an underscore", "Transfer_Encoding: chunked\r\n";
        "TE without a colon", "Transfer-Encoding chunked\r\n";
        "TE with a bare CR in the name", "Transfer\r-Encoding: chunked\r\n";
        "TE in a name beyond ASCII", "Transfer\u{2010}Encoding: chunked\r\n";
        "TE that is taken away", &[chunked, "Connection: Transfer-Encoding\r\n"].concat();
        "CL that is taken away", &[five, "Connection: Content-Length\r\n"].concat();
        "an underscored one that is taken away", "Connection: content_length\r\n";
        "Host twice", "Host: b\r\n";
        "Host folded", " b\r\n";
        "a head that ends with bare LF", "A: b\n\n";
        "a head that ends with CR CR LF", "A: b\r\n\r\r\n";
        "no name", ": b\r\n";
    ];
    for (what, lines) in tries {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n{SECOND}");
        let seen = relayed(request.as_bytes());
        assert!(seen.requests.is_empty(), "{what}: {seen:?}");
        assert!(seen.bytes.is_empty(), "{what}: {seen:?}");
        assert_eq!(seen.refusal.map(|it| it.status.code()), Some(400), "{what}");
    }
}

#[test]
fn request_lines_that_smuggle_are_refused() {
    let tries = [
        "GET / HTTP/1.1\nHost: a",
        "GET / HTTP/1.1 HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1\r\nGET /second HTTP/1.1",
        "GET /%20\u{b} HTTP/1.1",
        "GET http://b/ HTTP/1.1",
        "GET http://a@b/ HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /",
    ];
    for line in tries {
        let seen = relayed(format!("{line}\r\nHost: a\r\n\r\n{SECOND}").as_bytes());
        assert!(seen.bytes.is_empty(), "{line:?}: {seen:?}");
        assert_eq!(
            seen.refusal.map(|it| it.status.code()),
            Some(400),
            "{line:?}"
        );
    }
}

#[test]
fn chunks_that_smuggle_are_cut_off() {
    let tries = [
        ("0 and a prefix", "0x0\r\n\r\n"),
        ("a bare LF after the size", "0\n\r\n"),
        ("a bare LF in an extension", "1;\na\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "1;a\rb\r\na\r\n0\r\n\r\n"),
        (
            "a bare LF as the end of an extension",
            "1;a=b\na\r\n0\r\n\r\n",
        ),
        ("a line ending in quotes", "1;a=\"\r\nb\"\r\na\r\n0\r\n\r\n"),
        (
            "a size that overflows 64 bits",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a size that overflows 32 bits, and is cut there",
            "f00000000\r\nhello\r\n0\r\n\r\n",
        ),
        ("a negative size", "-1\r\nhello\r\n0\r\n\r\n"),
        ("a size with white space", "5 \r\nhello\r\n0\r\n\r\n"),
        (
            "a size with white space before it",
            " 5\r\nhello\r\n0\r\n\r\n",
        ),
        ("a size with a vertical tab", "5\x0b\r\nhello\r\n0\r\n\r\n"),
        ("data with two more bytes", "5\r\nhelloXX0\r\n\r\n"),
        ("data without its line ending", "5\r\nhello0\r\n\r\n"),
        ("data that ends with LF", "5\r\nhello\n0\r\n\r\n"),
        ("data that ends with CR", "5\r\nhello\r0\r\n\r\n"),
        ("a last chunk that ends with LF", "0\r\n\n"),
        ("a last chunk that ends with CR CR LF", "0\r\n\r\r\n\r\n"),
        (
            "a request in the trailers",
            "0\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        ("folded trailers", "0\r\nA: b\r\n\tc\r\n\r\n"),
        ("trailers with a bare LF", "0\r\nA: b\n\r\n"),
    ];
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (what, chunks) in tries {
        let seen = relayed(format!("{head}{chunks}{SECOND}").as_bytes());
        let is_cut = seen.refusal.is_some() || what.contains("32 bits");
        assert!(is_cut && seen.requests.is_empty(), "{what}: {seen:?}");
    }
}

#[test]
fn what_only_looks_like_smuggling_is_understood_by_all_in_one_way() {
    let second = format!("Content-Length: {}\r\n\r\n{SECOND}", SECOND.len());
    let tries = [
        ("CL.0: the second is the body", &*second, 1),
        (
            "0.CL: no length, so a second request",
            &*format!("\r\n{SECOND}"),
            2,
        ),
        (
            "TE in its odd case is written anew",
            "tRANSFER-eNCODING:\t CHUNKED \r\n\r\n0\r\n\r\n",
            1,
        ),
        (
            "CL with zeros is written anew",
            "Content-Length: 0001\r\n\r\na",
            1,
        ),
        (
            "an empty line between two requests",
            &format!("\r\n\r\n{SECOND}"),
            2,
        ),
        (
            "trailers that would be believed in a head do not pass",
            "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 0001\r\nHost: CHUNKED\r\n\r\n",
            1,
        ),
        (
            "a field that is called nearly so",
            "X-Transfer-Encoding: chunked\r\n\r\n",
            1,
        ),
    ];
    for (what, rest, count) in tries {
        let seen = relayed(format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}").as_bytes());
        assert_eq!(
            (seen.requests.len(), seen.refusal),
            (count, None),
            "{what}: {seen:?}"
        );
        let bytes = String::from_utf8(seen.bytes).unwrap();
        assert!(
            !bytes.contains("CHUNKED") && !bytes.contains("0001"),
            "{what}: {bytes}"
        );
    }
}
