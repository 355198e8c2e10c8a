//! Bodies of requests: one JSON object, bounded, whose members are all known; or a configuration.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::thread::available_parallelism;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::problem::Problem;
use crate::config::{Config, file, hint};
use crate::requests::Refusal;

/// The longest body.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// The longest part of a wrong value that an error repeats, in characters.
const SHOWN_CHARS: usize = 100;

/// The members of the object in a body.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

/// Where a whole configuration is sent, which may be longer.
pub(super) const CONFIG_PATH: &str = "/v1/config/diff";

/// The longest body at this path.
pub(super) fn most_bytes(path: &str) -> usize {
    if path == CONFIG_PATH {
        file::MOST_BYTES
    } else {
        MOST_BYTES
    }
}

/// The body is longer than that.
pub(super) fn too_large(most: usize) -> Problem {
    let detail = format!("a body has at most {most} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The limit is a layer of the router's.
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(too_large(MOST_BYTES))
            }
            Err(_) => Err(cut_short()),
        }
    }
}

fn cut_short() -> Problem {
    let detail = "the body ended before its end";
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// A configuration, as a file in JSON has it.
#[derive(Debug)]
pub(super) struct Configuration(pub(super) Config);

impl<S: Send + Sync> FromRequest<S> for Configuration {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = Limited::new(request.into_body(), file::MOST_BYTES).collect();
        let bytes = body.await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large(file::MOST_BYTES)
            } else {
                cut_short()
            }
        })?;
        // To read a long one takes its time, which others need not wait for.
        let read = spawn_blocking(move || Self::parse(&bytes.to_bytes()));
        let fault = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this is a fault of l4lb");
        read.await.map_err(fault)?
    }
}

impl Configuration {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let document = file::parse("body.json", bytes);
        let document = document.map_err(|faults| Refusal::Invalid(faults.render(false)))?;
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self(document.config(cores)))
    }
}

impl Fields {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Problem::invalid("the body is not an object")),
            Err(error) => {
                let detail = format!("the body is not JSON: {error}");
                Err(Problem::new(StatusCode::BAD_REQUEST, detail))
            }
        }
    }

    /// Checks that there is no other member than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.0.keys().find(|key| !known.contains(&key.as_str()));
        let Some(key) = unknown else {
            return Ok(());
        };
        let detail = format!("unknown field '{}'{}", cut(key), hint(key, known));
        Err(Problem::invalid(detail))
    }

    /// A member, where it is there and not null.
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = value.as_str();
        text.map_or_else(|| Err(wrong(name, "a string", value)), |it| Ok(Some(it)))
    }

    /// A whole number within bounds.
    pub(super) fn number<T: TryFrom<u64>>(
        &self,
        name: &str,
        bounds: RangeInclusive<u64>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = value.as_u64().filter(|number| bounds.contains(number));
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => {
                let (first, last) = bounds.into_inner();
                let what = format!("a whole number from {first} to {last}");
                Err(wrong(name, &what, value))
            }
        }
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let flag = value.as_bool();
        flag.map_or_else(
            || Err(wrong(name, "true or false", value)),
            |it| Ok(Some(it)),
        )
    }
}

/// A member that is not `what` it should be.
fn wrong(name: &str, what: &str, value: &Value) -> Problem {
    let value = value.to_string();
    Problem::invalid(format!("{name} is {what}, not {}", cut(&value)))
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_CHARS);
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error<T: std::fmt::Debug>(result: Result<T, Problem>) -> (u16, String) {
        let problem = result.unwrap_err();
        (problem.status.as_u16(), problem.detail)
    }

    #[test]
    fn members_are_read_by_their_types_and_null_is_nothing() {
        let fields = Fields::parse(br#"{"a":"x","n":65535,"b":true,"z":null}"#).unwrap();
        assert_eq!(fields.only(&["a", "n", "b", "z"]), Ok(()));
        assert_eq!(fields.text("a"), Ok(Some("x")));
        assert_eq!(fields.number::<u16>("n", 0..=65_535), Ok(Some(65_535)));
        assert_eq!(fields.flag("b"), Ok(Some(true)));
        assert_eq!(fields.text("z"), Ok(None));
        assert_eq!(fields.text("absent"), Ok(None));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_may_stand_there() {
        for value in ["70000", "-1", "1.5", "\"1\"", "[1]", "1e400"] {
            let Ok(fields) = Fields::parse(format!("{{\"n\":{value}}}").as_bytes()) else {
                assert_eq!(value, "1e400");
                continue;
            };
            let (status, detail) = error(fields.number::<u16>("n", 0..=65_535));
            assert_eq!(status, 422);
            let wanted = format!("n is a whole number from 0 to 65535, not {value}");
            assert_eq!(detail, wanted);
        }
        let fields = Fields::parse(br#"{"a":1,"b":"yes"}"#).unwrap();
        assert_eq!(error(fields.text("a")).1, "a is a string, not 1");
        assert_eq!(error(fields.flag("b")).1, "b is true or false, not \"yes\"");
        let (_, detail) = error(fields.only(&["a", "backup"]));
        assert_eq!(detail, "unknown field 'b': did you mean a?");
    }

    #[test]
    fn an_error_repeats_no_more_than_a_line_of_the_body() {
        let long = "\u{e9}".repeat(30_000);
        let fields = Fields::parse(format!("{{\"{long}\":\"{long}\"}}").as_bytes()).unwrap();
        assert!(error(fields.only(&["a"])).1.len() < 300);
        assert!(error(fields.flag(&long)).1.len() < long.len() + 300);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = "[".repeat(MOST_BYTES);
        for (body, status) in [
            ("", 400),
            ("{", 400),
            ("{} {}", 400),
            (&deep, 400),
            ("[]", 422),
            ("null", 422),
        ] {
            assert_eq!(error(Fields::parse(body.as_bytes())).0, status, "{body:.9}");
        }
        assert_eq!(error(Fields::parse(b"{\"a\":\"\xff\"}")).0, 400);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::parse(&bytes);
        }
    }
}
