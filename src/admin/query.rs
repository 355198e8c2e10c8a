//! What stands after the question mark: parameters that are known, each at most once. Pure.

use super::problem::Problem;
use crate::config::{self, hint};
use crate::requests::history::Range;
use crate::requests::{Caller, First};

/// The value of the parameter `name`, where it is given; nothing else may be.
pub(super) fn parameter<'a>(
    query: Option<&'a str>,
    name: &str,
) -> Result<Option<&'a str>, Problem> {
    parameters(query, [name]).map(|[value]| value)
}

/// The values of these parameters, where they are given; nothing else may be.
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

/// The parameters `range`, which has to be given, and `pool`.
pub(super) fn history(query: Option<&str>) -> Result<(Range, Option<String>), Problem> {
    let [range, pool] = parameters(query, ["range", "pool"])?;
    let range = match range {
        Some("15m") => Range::Quarter,
        Some("24h") => Range::Day,
        other => {
            let detail = format!("range is 15m or 24h, not '{}'", other.unwrap_or_default());
            return Err(Problem::invalid(detail));
        }
    };
    let pool = pool.map(|it| {
        let detail = format!("pool is a name, not '{it}'");
        decoded(it).ok_or_else(|| Problem::invalid(detail))
    });
    Ok((range, pool.transpose()?))
}

/// The parameters `client`, an address whose port does not matter, and `listener`, `sni` and `alpn`, which
/// may be left out.
pub(super) fn caller(query: Option<&str>) -> Result<Caller, Problem> {
    let names = ["client", "listener", "sni", "alpn"];
    let [client, listener, sni, alpn] = parameters(query, names)?;
    let client = client.ok_or_else(|| Problem::invalid("client is missing"))?;
    let client = config::client_address(&decoded_or_plain(client))
        .map_err(|error| Problem::invalid(format!("client: {error}")))?;
    let sni = sni.map(|it| config::asked_name(&decoded_or_plain(it)));
    let sni = sni.transpose();
    let sni = sni.map_err(|error| Problem::invalid(format!("sni: {error}")))?;
    Ok(Caller {
        client,
        listener: listener.map(decoded_or_plain),
        sni,
        alpn: alpn.map(decoded_or_plain),
    })
}

/// A value with its percent signs resolved, or as it is where they mean nothing.
fn decoded_or_plain(value: &str) -> String {
    decoded(value).unwrap_or_else(|| value.to_owned())
}

/// A value with its percent signs resolved (RFC 3986, 2.1): a browser encodes `[` and `:` of a name.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|it| !it.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// The parameters `limit`, a number up to `most`, and `sort`, of a list of connections.
pub(super) fn list(
    query: Option<&str>,
    default: usize,
    most: usize,
) -> Result<(usize, First), Problem> {
    let [most_wanted, sort] = parameters(query, ["limit", "sort"])?;
    let limit = match most_wanted {
        Some(text) => limit(text, most)?,
        None => default,
    };
    let first = match sort {
        Some("age") | None => First::Oldest,
        Some("bytes") => First::Biggest,
        Some("idle") => First::Idlest,
        Some(other) => {
            let detail = format!("sort is age, bytes or idle, not '{other}'");
            return Err(Problem::invalid(detail));
        }
    };
    Ok((limit, first))
}

fn limit(text: &str, most: usize) -> Result<usize, Problem> {
    let number = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    number.ok_or_else(|| {
        Problem::invalid(format!("limit is a number from 1 to {most}, not '{text}'"))
    })
}

/// The parameter `past`, a number up to `most`; 0 where it is not given.
pub(super) fn past(query: Option<&str>, most: usize) -> Result<usize, Problem> {
    let Some(text) = parameter(query, "past")? else {
        return Ok(0);
    };
    let number = text.parse().ok().filter(|past| *past <= most);
    number
        .ok_or_else(|| Problem::invalid(format!("past is a number from 0 to {most}, not '{text}'")))
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
    fn a_list_has_a_limit_within_its_bounds_and_an_end_that_it_begins_with() {
        let table = [
            (None, Ok((100, First::Oldest))),
            (Some(""), Ok((100, First::Oldest))),
            (Some("limit=1"), Ok((1, First::Oldest))),
            (Some("limit=10000&sort=bytes"), Ok((10_000, First::Biggest))),
            (Some("sort=idle&limit=5"), Ok((5, First::Idlest))),
            (Some("sort=age"), Ok((100, First::Oldest))),
            (Some("sort=size"), Err("age, bytes or idle, not 'size'")),
            (Some("sort=age&sort=age"), Err("sort is given twice")),
            (Some("limit=10001"), Err("from 1 to 10000, not '10001'")),
            (Some("limit=0"), Err("from 1 to 10000")),
            (Some("limit=-1"), Err("from 1 to 10000")),
            (Some("limit"), Err("not ''")),
            (Some("limit=1&limit=2"), Err("given twice")),
            (Some("limits=1"), Err("'limits': did you mean limit?")),
            (Some("colour=1"), Err("unknown parameter 'colour'")),
        ];
        for (query, wanted) in table {
            match (list(query, 100, 10_000), wanted) {
                (Ok(list), Ok(wanted)) => assert_eq!(list, wanted, "{query:?}"),
                (Err(error), Err(hint)) => assert!(error.detail.contains(hint), "{error:?}"),
                (other, _) => panic!("{query:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn of_the_past_no_more_can_be_wanted_than_is_kept() {
        let read = |query| past(query, 100).map_err(|error| error.detail);
        for (query, wanted) in [(None, 0), (Some("past=0"), 0), (Some("past=100"), 100)] {
            assert_eq!(read(query), Ok(wanted));
        }
        for query in ["past", "past=101", "past=-1", "past=all"] {
            let error = read(Some(query)).unwrap_err();
            assert!(error.contains("a number from 0 to 100"), "{error}");
        }
        assert!(read(Some("last=1")).is_err());
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
            ("client=1.2.3.4&sni=a..b", Err("sni: 'a..b' is no name")),
            ("client=1.2.3.4&sni=10.0.0.1", Err("'10.0.0.1' is no name")),
        ];
        for (query, wanted) in table {
            match (caller(Some(query)), wanted) {
                (Ok(caller), Ok((address, name))) => {
                    assert_eq!(caller.client.to_string(), address, "{query}");
                    assert_eq!(caller.listener.as_deref(), name, "{query}");
                }
                (Err(error), Err(hint)) => assert!(error.detail.contains(hint), "{error:?}"),
                (other, _) => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_history_has_a_range_and_may_be_of_a_pool() {
        let pool = |name: &str| Some(name.to_owned());
        let table = [
            ("range=15m", Ok((Range::Quarter, None))),
            ("range=24h&pool=app", Ok((Range::Day, pool("app")))),
            (
                "pool=%5B%3a%3A1%5d&range=15m",
                Ok((Range::Quarter, pool("[::1]"))),
            ),
            ("", Err("range is 15m or 24h, not ''")),
            ("range=1h", Err("not '1h'")),
            ("range=15m&range=24h", Err("given twice")),
            ("range=15m&pol=a", Err("did you mean pool?")),
            ("range=15m&pool=%", Err("pool is a name")),
            ("range=15m&pool=%+1", Err("pool is a name")),
            ("range=15m&pool=%\u{e9}", Err("pool is a name")),
            ("range=15m&pool=%ff", Err("pool is a name")),
        ];
        for (query, wanted) in table {
            match (history(Some(query)), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{query}"),
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
