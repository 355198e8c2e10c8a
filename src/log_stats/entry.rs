//! What a line says, in whichever form it is written. Pure.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

/// One connection or request, or how one was that lives on. Times are microseconds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) client: IpAddr,
    pub(super) listener: Cow<'a, str>,
    pub(super) pool: Cow<'a, str>,
    pub(super) backend: Option<Cow<'a, str>>,
    pub(super) queued: Option<u64>,
    pub(super) connect: Option<u64>,
    pub(super) total: u64,
    /// Not every form has it.
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// `None` where it has not ended.
    pub(super) termination: Option<Cow<'a, str>>,
    /// What the line says of an HTTP request.
    pub(super) request: Option<Request>,
}

/// A request. One without a status was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) status: Option<u16>,
    pub(super) first_byte: Option<u64>,
}

impl<'a> Entry<'a> {
    /// Reads a line of any form.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        if line.starts_with('{') {
            return Self::of_json(line);
        }
        Self::of_default(line).or_else(|| Self::of_haproxy(line))
    }

    fn of_default(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        humantime::parse_rfc3339(words.next()?).ok()?;
        let client: SocketAddr = words.next()?.parse().ok()?;
        let listener = words.next()?;
        let (pool, backend) = words.next()?.split_once('/')?;
        let _address = words.next()?;
        let [queued, connect, total] = numbers(words.next()?)?;
        let [bytes_in, bytes_out] = numbers(words.next()?)?;
        let termination = words.next()?;
        let [_retries, _active, _path, id] =
            [words.next()?, words.next()?, words.next()?, words.next()?];
        if !id.starts_with("c=") {
            return None;
        }
        let request = match words.next() {
            Some(_method) => Some(request_of(&mut words)?),
            None => None,
        };
        Some(Self {
            client: client.ip(),
            listener: listener.into(),
            pool: pool.into(),
            backend: (backend != "-").then(|| backend.into()),
            queued: tenths(queued),
            connect: tenths(connect),
            total: tenths(total)?,
            bytes_in: bytes_in.parse().ok()?,
            bytes_out: bytes_out.parse().ok()?,
            termination: (termination != "..").then_some(letters(termination)?),
            request,
        })
    }

    /// With or without what a syslog daemon writes before a line.
    fn of_haproxy(line: &'a str) -> Option<Self> {
        let date = line
            .match_indices(" [")
            .find(|(at, _)| is_date(&line[at + 2..]))?
            .0;
        let (before, after) = (&line[..date], &line[date + 1..]);
        let (client, port) = before.rsplit(' ').next()?.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        let mut words = after.split(' ').skip(1);
        let listener = words.next()?;
        let (pool, backend) = words.next()?.split_once('/')?;
        let times: Vec<&str> = words.next()?.split('/').collect();
        let (queued, connect, response, total, status) = match times[..] {
            [queued, connect, total] => (queued, connect, None, total, None),
            [_head, queued, connect, response, total] => {
                let status = status(words.next()?)?;
                (queued, connect, Some(response), total, Some(status))
            }
            _ => return None,
        };
        let bytes_out = words.next()?;
        let is_request = response.is_some();
        if is_request {
            let [_request_cookie, _response_cookie] = [words.next()?, words.next()?];
        }
        let termination = words.next()?;
        let termination = match is_request {
            true => letters(termination.get(..2)?)?,
            false => letters(termination)?,
        };
        let [_, _, _, _, _retries] = numbers(words.next()?)?;
        let [_, _] = numbers(words.next()?)?;
        // As with `option logasap`: a plus says that the connection lives on.
        let is_interim = total.starts_with('+');
        let total = whole(total.trim_start_matches('+'))?;
        Some(Self {
            client: client.parse().ok()?,
            listener: listener.into(),
            pool: pool.into(),
            backend: (backend != "<NOSRV>").then(|| backend.into()),
            queued: whole(queued),
            connect: whole(connect),
            total,
            bytes_in: 0,
            bytes_out: bytes_out.trim_start_matches('+').parse().ok()?,
            termination: (!is_interim).then_some(termination),
            request: status.map(|status| Request {
                status,
                first_byte: response.and_then(whole),
            }),
        })
    }

    fn of_json(line: &'a str) -> Option<Self> {
        let object: Object<'a> = serde_json::from_str(line).ok()?;
        let is_interim = object.action == "connection-interim";
        if object.termination.is_none() && !is_interim {
            return None;
        }
        Some(Self {
            client: object.client,
            listener: object.listener,
            pool: object.pool,
            backend: object.backend,
            queued: object.queued.map(|it| it / 1000),
            connect: object.connect.map(|it| it / 1000),
            total: object.duration / 1000,
            bytes_in: object.bytes_in,
            bytes_out: object.bytes_out,
            termination: object.termination.filter(|_| !is_interim),
            request: (object.action == "request-end").then(|| Request {
                status: object.status,
                first_byte: object.first_byte.map(|it| it / 1000),
            }),
        })
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(rename = "event.action", borrow)]
    action: Cow<'a, str>,
    #[serde(rename = "event.duration")]
    duration: u64,
    #[serde(rename = "client.ip")]
    client: IpAddr,
    #[serde(rename = "source.bytes")]
    bytes_in: u64,
    #[serde(rename = "destination.bytes")]
    bytes_out: u64,
    #[serde(rename = "l4lb.listener", borrow)]
    listener: Cow<'a, str>,
    #[serde(rename = "l4lb.pool", borrow)]
    pool: Cow<'a, str>,
    #[serde(rename = "l4lb.backend", borrow)]
    backend: Option<Cow<'a, str>>,
    #[serde(rename = "l4lb.termination", borrow)]
    termination: Option<Cow<'a, str>>,
    #[serde(rename = "l4lb.queued")]
    queued: Option<u64>,
    #[serde(rename = "l4lb.connect")]
    connect: Option<u64>,
    #[serde(rename = "l4lb.first_byte.backend")]
    first_byte: Option<u64>,
    #[serde(rename = "http.response.status_code")]
    status: Option<u16>,
}

/// What stands behind the method of a request: host, path, status, time, and a text in quotes.
fn request_of<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Request> {
    let [_host, _path] = [words.next()?, words.next()?];
    let (status, first_byte) = (status(words.next()?)?, tenths(words.next()?));
    words.next().filter(|it| it.starts_with('"'))?;
    Some(Request { status, first_byte })
}

/// A status, of which nothing is said where there was none.
fn status(word: &str) -> Option<Option<u16>> {
    match word {
        "-" | "-1" => Some(None),
        word => word.parse().ok().map(Some),
    }
}

/// The parts of a word with slashes, if there are so many.
fn numbers<const N: usize>(word: &str) -> Option<[&str; N]> {
    let mut parts = word.split('/');
    let mut numbers = [""; N];
    for number in &mut numbers {
        *number = parts.next()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Milliseconds with one decimal. `None` of a dash.
fn tenths(text: &str) -> Option<u64> {
    let (whole, tenths) = text.split_once('.')?;
    let tenths = Some(tenths).filter(|it| it.len() == 1)?;
    let [whole, tenths]: [u64; 2] = [whole.parse().ok()?, tenths.parse().ok()?];
    whole.checked_mul(1000)?.checked_add(tenths * 100)
}

/// Whole milliseconds. `None` of minus one.
fn whole(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_mul(1000)
}

/// The two letters of an end, which say who and when.
fn letters(word: &str) -> Option<Cow<'_, str>> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || b"-.".contains(&byte);
    (word.len() == 2 && word.bytes().all(is_letter)).then(|| word.into())
}

/// `06/Feb/2009:12:12:51.443]`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 24
        && bytes[2] == b'/'
        && bytes[6] == b'/'
        && bytes[11] == b':'
        && bytes[24] == b']'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_each_form_says_the_same() {
        let wanted = Entry {
            client: IpAddr::from([203, 0, 113, 7]),
            listener: "web".into(),
            pool: "app".into(),
            backend: Some("b2".into()),
            queued: Some(2_000),
            connect: Some(3_000),
            total: 1_204_000,
            bytes_in: 512,
            bytes_out: 49321,
            termination: Some("CD".into()),
            request: None,
        };
        let default = "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 \
                       2.0/3.0/1204.0 512/49321 CD 0 17/9/4 splice c=8f21";
        let haproxy = "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 2/3/1204 49321 CD 17/9/9/4/0 0/0";
        let json = r#"{"@timestamp":"2026-11-18T12:20:02.481Z","event.action":"connection-end",
            "event.duration":1204000000,"client.ip":"203.0.113.7","client.port":51544,"source.bytes":512,
            "destination.bytes":49321,"l4lb.listener":"web","l4lb.pool":"app","l4lb.backend":"b2",
            "l4lb.termination":"CD","l4lb.queued":2000000,"l4lb.connect":3000000}"#;
        assert_eq!(Entry::read(default).as_ref(), Some(&wanted));
        assert_eq!(Entry::read(json).as_ref(), Some(&wanted));
        let without = Entry {
            bytes_in: 0,
            ..wanted
        };
        assert_eq!(Entry::read(haproxy).as_ref(), Some(&without));
        let behind_syslog = format!("Nov 18 12:20:02 lb l4lb[14387]: {haproxy}");
        assert_eq!(Entry::read(&behind_syslog).as_ref(), Some(&without));
        let client = "2001:db8::7".parse().unwrap();
        let of_ipv6 = haproxy.replace("203.0.113.7", "2001:db8::7");
        assert_eq!(Entry::read(&of_ipv6), Some(Entry { client, ..without }));
    }

    #[test]
    fn a_request_of_each_form_says_the_same() {
        let default = "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 2.0/3.0/1204.0 \
                       512/49321 -- 0 17/9/4 splice c=8f21 GET shop.example /a/b 404 4.0 \"curl 8\"";
        let haproxy = "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 1/2/3/4/1204 404 49321 - - ---- \
                       17/9/9/4/0 0/0 {shop.example|curl} \"GET /a/b HTTP/1.1\"";
        let json = r#"{"event.action":"request-end","event.duration":1204000000,"client.ip":"203.0.113.7",
            "source.bytes":512,"destination.bytes":49321,"l4lb.listener":"web","l4lb.pool":"app",
            "l4lb.backend":"b2","l4lb.termination":"--","l4lb.first_byte.backend":4000000,
            "http.response.status_code":404}"#;
        for line in [default, haproxy, json] {
            let entry = Entry::read(line).unwrap();
            let wanted = Request {
                status: Some(404),
                first_byte: Some(4_000),
            };
            assert_eq!(entry.request, Some(wanted), "{line}");
            assert_eq!(entry.termination.as_deref(), Some("--"));
            assert_eq!((entry.total, entry.bytes_out), (1_204_000, 49321));
        }
        for unanswered in [
            default.replace(" 404 4.0 ", " - - "),
            haproxy.replace("/4/1204 404", "/-1/1204 -1"),
        ] {
            let entry = Entry::read(&unanswered).unwrap();
            let nothing = Request {
                status: None,
                first_byte: None,
            };
            assert_eq!(entry.request, Some(nothing), "{unanswered}");
        }
    }

    #[test]
    fn what_is_no_line_is_none() {
        for line in [
            "hello",
            "{}",
            "{\"client.ip\":1}",
            "2026-11-18T12:20:02.481Z",
            "2026-11-18T12:20:02.481Z 203.0.113.7:1 web app/b2 10.0.0.2:1 0.0/0.8/1.0 1/1 --- 0 1/1/1 copy c=1",
            "2026-11-18T12:20:02.481Z 203.0.113.7:1 web app/b2 10.0.0.2:1 0.0/0.8/1.0 1/1 -- 0 1/1/1 copy",
            "2026-11-18T12:20:02.481Z 203.0.113.7:1 web app/b2 10.0.0.2:1 0.0/0.8/1.0 -1/1 -- 0 1/1/1 copy c=1",
            "2026-11-18T12:20:02.481Z 203.0.113.7:1 web app/b2 10.0.0.2:1 0.0/0.8/1.0 1/1 -- 0 1/1/1 copy c=1 GET",
            "1.2.3.4:5 [18/Nov/2026:12:20:01.276] web app/b2 1/2/3/4/5 2xx 1 - - ---- 1/1/1/1/0 0/0 {|} \"\"",
            "1.2.3.4:5 [18/Nov/2026:12:20:01.276] web app/b2 2/3 49321 CD 17/9/9/4/0 0/0",
            "1.2.3.4:5 [18/Nov/2026:12:20:01.276] web app/b2 2/3/99999999999999999999 1 CD 17/9/9/4/0 0/0",
        ] {
            assert_eq!(Entry::read(line), None, "{line}");
        }
    }
}
