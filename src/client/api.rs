//! The admin API as a client sees it: paths, the head of a request, and what an answer means.

use std::path::Path;
use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Failure, http, words};
use crate::config::AdminAddress;
use crate::token::Token;

/// What is wrong with an answer is told in no more characters.
const LONGEST_COMPLAINT: usize = 200;

/// What an error says, see RFC 9457.
#[derive(Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

/// A running l4lb.
pub(super) struct Api {
    address: AdminAddress,
    authorization: Option<HeaderValue>,
}

/// What was read, and when l4lb said it.
pub(super) struct Reading {
    pub(super) value: Value,
    pub(super) at: Option<SystemTime>,
}

impl Reading {
    /// Takes the value `name` out; null where there is none.
    pub(super) fn take(&mut self, name: &str) -> Value {
        let value = self.value.get_mut(name);
        value.map(Value::take).unwrap_or_default()
    }
}

impl Api {
    /// The one at `address`. What is changed there is changed with the token in `token_file`.
    pub(super) fn new(address: &AdminAddress, token_file: Option<&Path>) -> Result<Self, Failure> {
        let authorization = token_file.map(authorization).transpose();
        Ok(Self {
            address: address.clone(),
            authorization: authorization.map_err(Failure::Refused)?,
        })
    }

    /// Reads what is at `path`.
    pub(super) fn read(&self, path: &str) -> Result<Reading, Failure> {
        let answer = self.exchange(Method::GET, path, None)?;
        let date = answer.headers().get(DATE).and_then(|it| it.to_str().ok());
        Ok(Reading {
            at: date.and_then(|it| httpdate::parse_http_date(it).ok()),
            value: self.json(&answer)?,
        })
    }

    /// Reads what is at `path` as what it should be, without a detour: it may be long.
    pub(super) fn read_typed<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.exchange(Method::GET, path, None)?;
        let value = serde_json::from_slice(answer.body());
        value.map_err(|error| self.strange(&error.to_string()))
    }

    /// Reads the list `name`, which is at `path` in an object.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        name: &str,
    ) -> Result<Vec<T>, Failure> {
        let mut reading = self.read(path)?;
        self.typed(reading.take(name))
    }

    /// Changes something.
    pub(super) fn write(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), Failure> {
        self.exchange(method, path, body).map(drop)
    }

    /// Changes something, and reads what is so now.
    pub(super) fn write_and_read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let answer = self.exchange(method, path, body)?;
        self.typed(self.json(&answer)?)
    }

    /// An answer as what it should be.
    pub(super) fn typed<T: DeserializeOwned>(&self, value: Value) -> Result<T, Failure> {
        serde_json::from_value(value).map_err(|error| self.strange(&error.to_string()))
    }

    fn json(&self, answer: &Response<Bytes>) -> Result<Value, Failure> {
        let value = serde_json::from_slice(answer.body());
        value.map_err(|error| self.strange(&error.to_string()))
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, Failure> {
        let answer = http::exchange(&self.address, self.request(method, path, body)?);
        let answer = answer.map_err(|why| {
            Failure::Nobody(format!("no l4lb answers at {}: {why}", self.address))
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.problem(&answer))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let host = match &self.address {
            AdminAddress::Tcp(address) => address.to_string(),
            AdminAddress::Unix(_) => "localhost".to_owned(),
        };
        let is_write = method != Method::GET;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host);
        if let Some(authorization) = self.authorization.as_ref().filter(|_| is_write) {
            request = request.header(AUTHORIZATION, authorization);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body));
        request.map_err(|error| Failure::Refused(format!("{path} cannot be asked for: {error}")))
    }

    /// What an error means.
    fn problem(&self, answer: &Response<Bytes>) -> Failure {
        let problem: Option<Problem> = serde_json::from_slice(answer.body()).ok();
        let text = problem.and_then(|it| it.detail.or(it.title));
        let Some(text) = text.map(|it| words::printable(&it)) else {
            return self.strange(&answer.status().to_string());
        };
        let lacks_token = self.authorization.is_none();
        match answer.status() {
            StatusCode::UNAUTHORIZED if lacks_token => Failure::Refused(format!(
                "{text}: give --token-file FILE, or set L4LB_TOKEN_FILE"
            )),
            StatusCode::UNPROCESSABLE_ENTITY => Failure::Invalid(text),
            _ => Failure::Refused(text),
        }
    }

    fn strange(&self, what: &str) -> Failure {
        let address = &self.address;
        let what: String = what.chars().take(LONGEST_COMPLAINT).collect(); // it may quote the answer
        Failure::Nobody(format!("{address} does not answer as an l4lb does: {what}"))
    }
}

/// The header that shows the token of a file.
fn authorization(file: &Path) -> Result<HeaderValue, String> {
    let token = Token::read(file)?;
    let header = HeaderValue::from_bytes(&[b"Bearer ", token.bytes()].concat());
    let mut header = header.map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}
