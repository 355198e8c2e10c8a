//! Every error that the admin API answers: problem details, RFC 9457.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::requests::Refusal;

/// What a body of problem details is called.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    header: Option<(HeaderName, &'static str)>,
}

/// An error, as RFC 9457 wants it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Details {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, for people.
    detail: String,
}

impl Problem {
    /// One with a status and a sentence; control characters in it, which may have come from the network,
    /// are made visible.
    pub(super) fn new(status: StatusCode, detail: impl AsRef<str>) -> Self {
        Self {
            status,
            detail: visible(detail.as_ref()),
            header: None,
        }
    }

    /// What is asked is understood, and wrong, as the lines of a picture show: that of a wrong
    /// configuration file has several.
    fn picture(lines: &str) -> Self {
        let lines: Vec<String> = lines.lines().map(visible).collect();
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: lines.join("\n"),
            header: None,
        }
    }

    /// What is asked is understood, and wrong.
    pub(super) fn invalid(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// What is asked cannot be done now, but may be soon.
    pub(super) fn busy(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "1")
    }

    /// With a header that goes with its status.
    pub(super) fn with(self, name: HeaderName, value: &'static str) -> Self {
        let header = Some((name, value));
        Self { header, ..self }
    }
}

/// `text` with its control characters made visible.
fn visible(text: &str) -> String {
    let mut visible = String::new();
    for c in text.chars() {
        if c.is_control() {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    visible
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, detail) = match refusal {
            Refusal::Unknown(detail) => (StatusCode::NOT_FOUND, detail),
            Refusal::Exists(detail) => (StatusCode::CONFLICT, detail),
            Refusal::Invalid(detail) => return Self::picture(&detail),
            Refusal::Unable(detail) => (StatusCode::SERVICE_UNAVAILABLE, detail),
        };
        Self::new(status, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = Details {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let mut response = json(self.status, &details);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (status, kind, bytes).into_response()
        }
        // No type of ours has a map with keys that are no strings, which is all that could fail.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_name_are_shown_and_not_sent() {
        let problem = Problem::invalid("no pool 'a\u{9b}31m\n\u{7f}'");
        assert_eq!(problem.detail, "no pool 'a\\u{9b}31m\\n\\u{7f}'");
    }

    #[test]
    fn each_refusal_has_its_status() {
        let table = [
            (Refusal::Unknown(String::new()), 404),
            (Refusal::Exists(String::new()), 409),
            (Refusal::Invalid(String::new()), 422),
            (Refusal::Unable(String::new()), 503),
        ];
        for (refusal, status) in table {
            assert_eq!(Problem::from(refusal).status.as_u16(), status);
        }
    }
}
