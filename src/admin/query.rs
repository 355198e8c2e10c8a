//! What stands after the question mark: parameters that are known, each at most once. Pure.

use std::net::IpAddr;

use super::problem::Problem;
use crate::config::{self, hint};

/// The values of these parameters, where they are given, as they stand there; nothing else may be.
fn parameters<'a, const N: usize>(
    query: Option<&'a str>,
    names: [&str; N],
) -> Result<[Option<&'a str>; N], Problem> {
    let mut found = [None; N];
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(place) = names.iter().position(|name| *name == key) else {
            let hint = hint(key, &names);
            return Err(Problem::invalid(format!("unknown parameter '{key}'{hint}")));
        };
        if found[place].replace(value).is_some() {
            return Err(Problem::invalid(format!("{key} is given twice")));
        }
    }
    Ok(found)
}

/// The value of the parameter `name`, where it is given; nothing else may be.
fn parameter<'a>(query: Option<&'a str>, name: &str) -> Result<Option<&'a str>, Problem> {
    parameters(query, [name]).map(|[value]| value)
}

/// The parameters `client`, an address whose port does not matter, and `listener`, a name that may be
/// left out.
pub(super) fn client_and_listener(
    query: Option<&str>,
) -> Result<(IpAddr, Option<String>), Problem> {
    let [client, listener] = parameters(query, ["client", "listener"])?;
    let client = client.ok_or_else(|| Problem::invalid("client is missing"))?;
    let client = config::client_address(&decoded(client))
        .map_err(|error| Problem::invalid(format!("client: {error}")))?;
    Ok((client, listener.map(decoded)))
}

/// A value whose bytes may be written with a percent sign, as brackets have to be (RFC 3986).
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let is_hex = |digits: &&[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        let digits = others.get(..2).filter(|_| first == b'%').filter(is_hex);
        let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() {
            &others[2..]
        } else {
            others
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The parameter `limit`: a number up to `most`.
pub(super) fn limit(query: Option<&str>, default: usize, most: usize) -> Result<usize, Problem> {
    let Some(text) = parameter(query, "limit")? else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    number.ok_or_else(|| {
        Problem::invalid(format!("limit is a number from 1 to {most}, not '{text}'"))
    })
}

/// The parameter `name`, which says yes or no; no where it is not given.
pub(super) fn flag(query: Option<&str>, name: &str) -> Result<bool, Problem> {
    match parameter(query, name)? {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(other) => {
            let detail = format!("{name} is true or false, not '{other}'");
            Err(Problem::invalid(detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_within_its_bounds() {
        let table = [
            (None, Ok(100)),
            (Some(""), Ok(100)),
            (Some("limit=1"), Ok(1)),
            (Some("limit=10000&"), Ok(10_000)),
            (Some("limit=10001"), Err("from 1 to 10000, not '10001'")),
            (Some("limit=0"), Err("from 1 to 10000")),
            (Some("limit=-1"), Err("from 1 to 10000")),
            (Some("limit"), Err("not ''")),
            (Some("limit=1&limit=2"), Err("given twice")),
            (Some("limits=1"), Err("'limits': did you mean limit?")),
            (Some("colour=1"), Err("unknown parameter 'colour'")),
        ];
        for (query, wanted) in table {
            match (limit(query, 100, 10_000), wanted) {
                (Ok(limit), Ok(wanted)) => assert_eq!(limit, wanted, "{query:?}"),
                (Err(error), Err(hint)) => assert!(error.detail.contains(hint), "{error:?}"),
                (other, _) => panic!("{query:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_client_is_an_address_with_or_without_a_port() {
        let table = [
            (
                "client=203.0.113.7:5555&listener=web",
                Ok(("203.0.113.7", Some("web"))),
            ),
            (
                "listener=a%5Bb%5d&client=203.0.113.7",
                Ok(("203.0.113.7", Some("a[b]"))),
            ),
            ("client=203.0.113.7%3A80", Ok(("203.0.113.7", None))),
            ("client=%5B::1%5D:80", Ok(("::1", None))),
            ("client=[::1]", Ok(("::1", None))),
            ("client=::1", Ok(("::1", None))),
            ("", Err("client is missing")),
            ("client=", Err("'' is no client")),
            ("client=web", Err("'web' is no client")),
            ("client=1.2.3.4%", Err("'1.2.3.4%' is no client")),
            ("client=%+1", Err("'%+1' is no client")),
            ("client=1.2.3.4&client=1.2.3.5", Err("given twice")),
            ("client=1.2.3.4&pool=x", Err("unknown parameter 'pool'")),
        ];
        for (query, wanted) in table {
            match (client_and_listener(Some(query)), wanted) {
                (Ok((client, listener)), Ok((address, name))) => {
                    assert_eq!(client.to_string(), address, "{query}");
                    assert_eq!(listener.as_deref(), name, "{query}");
                }
                (Err(error), Err(hint)) => assert!(error.detail.contains(hint), "{error:?}"),
                (other, _) => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_flag_says_yes_or_no_in_words() {
        let read = |query| flag(query, "force").map_err(|error| error.detail);
        assert_eq!(read(None), Ok(false));
        assert_eq!(read(Some("force=false")), Ok(false));
        assert_eq!(read(Some("force=true")), Ok(true));
        for query in ["force", "force=1", "force=TRUE", "force=%74rue"] {
            let error = read(Some(query)).unwrap_err();
            assert!(error.contains("true or false"), "{error}");
        }
    }
}
