//! What stands after the question mark: at most one parameter that is known. Pure.

use super::problem::Problem;
use crate::config::hint;

/// The value of the parameter `name`, where it is given; nothing else may be.
pub(super) fn parameter<'a>(
    query: Option<&'a str>,
    name: &str,
) -> Result<Option<&'a str>, Problem> {
    let mut found = None;
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != name {
            let hint = hint(key, &[name]);
            return Err(Problem::invalid(format!("unknown parameter '{key}'{hint}")));
        }
        if found.replace(value).is_some() {
            return Err(Problem::invalid(format!("{name} is given twice")));
        }
    }
    Ok(found)
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
