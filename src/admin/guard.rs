//! Who may do what: looked at before any handler runs.
//!
//! A page of a foreign site can make a browser send requests here, under the name of that site (DNS
//! rebinding) or across sites; so names and origins are checked, whoever asks. Writes need the token,
//! where there is one. That nothing is ever allowed across origins (CORS) needs no code.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::body;
use super::problem::Problem;
use crate::token::Token;

/// What the names of this machine that point to itself have in common.
const LOCALHOST: &str = "localhost";
/// Without a port, a Host means that one.
const HTTP_PORT: u16 = 80;
/// What a browser says about where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request has come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// At this address of ours.
    Tcp(SocketAddr),
    /// At a file, where no browser gets to.
    Unix,
}

/// Checks requests; the layer before all routes. Without a token, writes need none.
pub(super) async fn check(
    State(token): State<Option<Arc<Token>>>,
    request: Request,
    next: Next,
) -> Response {
    match judge(&request, token.as_deref()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn judge<B>(request: &Request<B>, token: Option<&Token>) -> Result<(), Problem> {
    let headers = request.headers();
    let host = host_of(request)?;
    let door = request.extensions().get::<Door>();
    if !door.is_some_and(|door| is_ours(&host, *door)) {
        let detail = format!("'{host}' is not what this server is called");
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    let length = text(headers, &header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let most = body::most_bytes(request.uri().path());
    if length.is_some_and(|length: u64| length > most as u64) {
        return Err(body::too_large(most));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !is_of_this_site(headers, &host) {
        let detail = "a page of another site may not do this";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if let Some(token) = token {
        authorize(headers, token)?;
    }
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let has_body = is_chunked || length.is_some_and(|length| length > 0);
    if has_body && !is_json(headers) {
        let detail = "a body needs Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(())
}

/// The one value of a header, where it is text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

/// Whom a request is for, in lower case. A request that names two is for neither.
fn host_of<B>(request: &Request<B>) -> Result<String, Problem> {
    let headers = request.headers();
    let host = text(headers, &header::HOST).map(str::to_ascii_lowercase);
    let named = request.uri().authority();
    let named = named.map(|named| named.as_str().to_ascii_lowercase());
    match (host, named) {
        (Some(host), None) => Ok(host),
        (Some(host), Some(named)) if host == named => Ok(host),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "a request needs one Host, which is the one that it names otherwise",
        )),
    }
}

/// Whether a Host is a name of ours: the address that the request came to, an address of the loopback
/// interface with the same port, or `localhost`, with any port, since that may be a tunnel's.
fn is_ours(host: &str, door: Door) -> bool {
    let Door::Tcp(address) = door else {
        return true;
    };
    let Some((name, port)) = host_and_port(host) else {
        return false;
    };
    if name == LOCALHOST {
        return true;
    }
    let Ok(ip) = name.parse::<IpAddr>() else {
        return false;
    };
    let ip = ip.to_canonical();
    let is_here = ip == address.ip().to_canonical() || ip.is_loopback();
    is_here && port.unwrap_or(HTTP_PORT) == address.port()
}

/// `[::1]:9090` is `::1` and 9090.
fn host_and_port(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    if rest.is_empty() {
        return Some((name, None));
    }
    let port = rest.strip_prefix(':')?.parse().ok()?;
    Some((name, Some(port)))
}

/// Whether a request comes from no page at all, or from one of ours. Browsers name the origin with all
/// writes; most say besides how it stands to the site that is asked.
fn is_of_this_site(headers: &HeaderMap, host: &str) -> bool {
    let is_near = match headers.get(SEC_FETCH_SITE).map(|value| value.as_bytes()) {
        Some(b"same-origin" | b"none") | None => true,
        Some(_) => false,
    };
    let is_ours = |origin: &str| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    let is_from_here = match headers.contains_key(header::ORIGIN) {
        true => text(headers, &header::ORIGIN).is_some_and(is_ours),
        false => true,
    };
    is_near && is_from_here
}

fn authorize(headers: &HeaderMap, token: &Token) -> Result<(), Problem> {
    let refuse = |detail, challenge| {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
        Err(problem.with(header::WWW_AUTHENTICATE, challenge))
    };
    let offered = text(headers, &header::AUTHORIZATION);
    let Some((scheme, offered)) = offered.and_then(|offered| offered.split_once(' ')) else {
        return refuse(
            "this needs Authorization: Bearer, with the token of the file that token_file names",
            r#"Bearer realm="l4lb""#,
        );
    };
    if scheme.eq_ignore_ascii_case("bearer") && token.is(offered.trim_matches(' ').as_bytes()) {
        return Ok(());
    }
    refuse(
        "this is not the token of the file that token_file names",
        r#"Bearer realm="l4lb", error="invalid_token""#,
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOOR: &str = "127.0.0.1:9090";

    /// What becomes of a request for `/` with these lines, which has come in at [`DOOR`].
    fn status(method: &str, lines: &[(&str, &str)], token: Option<&Token>) -> u16 {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let door = Door::Tcp(DOOR.parse().unwrap());
        request.extensions_mut().insert(door);
        judge(&request, token).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_names_of_this_server_are_hosts() {
        let table = [
            (DOOR, DOOR, true),
            (DOOR, "localhost", true),
            (DOOR, "localhost:9090", true),
            (DOOR, "localhost:19090", true),
            (DOOR, "127.9.9.9:9090", true),
            (DOOR, "[::1]:9090", true),
            (DOOR, "[::ffff:127.0.0.1]:9090", true),
            (DOOR, "127.0.0.1", false),
            (DOOR, "127.0.0.1:9091", false),
            (DOOR, "evil.example", false),
            (DOOR, "evil.example:9090", false),
            (DOOR, "localhost.evil.example:9090", false),
            (DOOR, "localhost@evil.example", false),
            (DOOR, "evil.example@127.0.0.1:9090", false),
            (DOOR, "127.0.0.1.evil.example:9090", false),
            (DOOR, "127.0.0.1:9090:9090", false),
            (DOOR, "localhost:", false),
            (DOOR, "localhost:x", false),
            (DOOR, "[::1", false),
            (DOOR, "[::1]9090", false),
            (DOOR, "10.0.0.1:9090", false),
            (DOOR, "0.0.0.0:9090", false),
            (DOOR, "", false),
            ("10.0.0.1:9090", "10.0.0.1:9090", true),
            ("[::ffff:10.0.0.1]:9090", "10.0.0.1:9090", true),
            ("10.0.0.1:9090", "10.0.0.2:9090", false),
            ("127.0.0.1:80", "127.0.0.1", true),
            ("[::1]:80", "[::1]", true),
        ];
        for (door, host, wanted) in table {
            let at = Door::Tcp(door.parse().unwrap());
            assert_eq!(is_ours(host, at), wanted, "{host:?} at {door}");
            assert!(is_ours(host, Door::Unix), "{host:?} at a file");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let table: [(&[(&str, &str)], u16); 5] = [
            (&[], 400),
            (&[("host", DOOR)], 200),
            (&[("host", "LocalHost:9090")], 200),
            (&[("host", DOOR), ("host", DOOR)], 400),
            (&[("host", "evil.example")], 421),
        ];
        for (lines, wanted) in table {
            assert_eq!(status("GET", lines, None), wanted, "{lines:?}");
        }
        let request = |uri: &str| {
            let request = Request::builder().uri(uri).header("host", DOOR);
            let mut request = request.body(()).unwrap();
            let door = Door::Tcp(DOOR.parse().unwrap());
            request.extensions_mut().insert(door);
            judge(&request, None).is_ok()
        };
        assert!(request("http://127.0.0.1:9090/"));
        assert!(!request("http://evil.example/"));
    }

    #[test]
    fn writes_come_from_no_page_or_from_one_of_ours() {
        let origin = |value| ("origin", value);
        let site = |value| ("sec-fetch-site", value);
        let table: [(&[(&str, &str)], u16); 9] = [
            (&[], 200),
            (&[origin("http://127.0.0.1:9090")], 200),
            (&[origin("http://evil.example")], 403),
            (&[origin("http://127.0.0.1:3000")], 403),
            (&[origin("null")], 403),
            (&[origin("http://127.0.0.1:9090"), origin("null")], 403),
            (&[site("same-origin")], 200),
            (&[site("same-site")], 403),
            (&[site("cross-site"), origin("http://127.0.0.1:9090")], 403),
        ];
        for (lines, wanted) in table {
            let lines: Vec<_> = [("host", DOOR)].iter().chain(lines).copied().collect();
            for method in ["POST", "PATCH", "DELETE", "PUT", "OPTIONS"] {
                assert_eq!(status(method, &lines, None), wanted, "{method} {lines:?}");
            }
            assert_eq!(status("GET", &lines, None), 200, "{lines:?}");
        }
    }

    #[test]
    fn where_there_is_a_token_writes_need_it_and_reads_do_not() {
        let token = Token::parse(b"s3cret").unwrap();
        let table = [
            ("Bearer s3cret", 200),
            ("bearer  s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer", 401),
            ("Basic s3cret", 401),
            ("s3cret", 401),
            ("", 401),
        ];
        for (value, wanted) in table {
            let lines = [("host", DOOR), ("authorization", value)];
            assert_eq!(status("DELETE", &lines, Some(&token)), wanted, "{value}");
            assert_eq!(status("DELETE", &lines, None), 200, "{value}");
        }
        let bare = [("host", DOOR)];
        assert_eq!(status("DELETE", &bare, Some(&token)), 401);
        assert_eq!(status("GET", &bare, Some(&token)), 200);
        assert_eq!(status("HEAD", &bare, Some(&token)), 200);
        let twice = ("authorization", "Bearer s3cret");
        let lines = [("host", DOOR), twice, twice];
        assert_eq!(status("DELETE", &lines, Some(&token)), 401);
    }

    #[test]
    fn a_body_is_json_and_short() {
        let table: [(&[(&str, &str)], u16); 9] = [
            (&[], 200),
            (&[("content-length", "0")], 200),
            (&[("content-length", "2")], 415),
            (&[("transfer-encoding", "chunked")], 415),
            (
                &[("content-length", "2"), ("content-type", "text/plain")],
                415,
            ),
            (
                &[
                    ("content-length", "2"),
                    ("content-type", "application/jsonx"),
                ],
                415,
            ),
            (
                &[
                    ("content-length", "2"),
                    ("content-type", "Application/JSON; charset=utf-8"),
                ],
                200,
            ),
            (
                &[
                    ("content-length", "65536"),
                    ("content-type", "application/json"),
                ],
                200,
            ),
            (&[("content-length", "65537")], 413),
        ];
        for (lines, wanted) in table {
            let lines: Vec<_> = [("host", DOOR)].iter().chain(lines).copied().collect();
            assert_eq!(status("POST", &lines, None), wanted, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn no_host_makes_it_panic(host in "[\\[\\]:@.a-z0-9-]{0,20}|\\PC{0,20}") {
            let at = Door::Tcp(DOOR.parse().unwrap());
            if is_ours(&host, at) {
                prop_assert!(host.starts_with("localhost") || host.contains("9090"));
            }
        }
    }
}
