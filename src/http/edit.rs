//! The head that is sent instead of the one that came.
//!
//! Each field is written anew as `Name: value`, in its order, the one that declares a length in the
//! one way in which nobody can misread it. Of fields that belong to one connection, Connection and
//! those it names, Keep-Alive, Proxy-Connection, TE and Upgrade (but of a change of protocol) do
//! not pass; Connection is written for the next one. What a [`Change`] removes or sets is taken out of
//! what came; what it sets or adds is written at the end. A request keeps its version, so that nobody
//! answers HTTP/1.0 with what it does not know; a response says HTTP/1.1.

use super::field::{self, Field, Name};
use super::{Asked, Forwarded, Kind, Origin, RequestHead, ResponseHead, Scheme, Version, security};

/// A change of a head; `Value` is whatever the caller makes bytes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<Value> {
    /// No field of this name passes.
    Remove(Name),
    /// One field of this name passes, with this value.
    Set(Name, Value),
    /// One more field.
    Add(Name, Value),
}

impl<Value> Change<Value> {
    /// The field of this name that came does not pass.
    fn replaces(&self, name: &str) -> bool {
        match self {
            Self::Remove(it) | Self::Set(it, _) => field::same(it.text(), name),
            Self::Add(_, _) => false,
        }
    }
}

/// Whether the connection that the head is sent on lives on after the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It does.
    Keep,
    /// It is closed.
    Close,
}

/// What is changed in requests.
#[derive(Clone, Copy, Debug)]
pub struct RequestEdit<'a, Value> {
    /// In the order in which they are written.
    pub changes: &'a [Change<Value>],
    /// Whether and how the backend is told who the client is.
    pub forwarded: Option<(Forwarded, Origin)>,
    /// What the backend is told of its connection.
    pub persistence: Persistence,
}

/// What is changed in responses.
#[derive(Clone, Copy, Debug)]
pub struct ResponseEdit<'a, Value> {
    /// In the order in which they are written.
    pub changes: &'a [Change<Value>],
    /// The preset for browsers, of a client who came so.
    pub security: Option<Scheme>,
    /// What the client is told of its connection.
    pub persistence: Persistence,
}

/// Appends the head of a request; `expand` appends a value.
pub fn request<Value>(
    head: &RequestHead<'_>,
    edit: &RequestEdit<'_, Value>,
    expand: impl FnMut(&Value, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let version = head.version.text();
    // A whole URL would say another host than the one that is set (RFC 9112, 3.2.2).
    let target = if edit.changes.iter().any(|change| change.replaces("Host")) {
        head.origin_form()
    } else {
        head.target.into()
    };
    append(out, &[head.method, " ", &target, " ", version, "\r\n"]);
    let upgrades = head.asked().upgrades;
    for it in &head.fields {
        let is_kept = edit
            .forwarded
            .is_none_or(|(how, origin)| how.keeps(it.name, &origin));
        let is_changed = edit.changes.iter().any(|change| change.replaces(it.name));
        if is_kept && !is_changed && passes(it, &head.fields, upgrades) {
            copy(it, out);
        }
    }
    if let Some((how, origin)) = edit.forwarded {
        let is_changed = |name: &str| edit.changes.iter().any(|change| change.replaces(name));
        how.write(head, &origin, is_changed, out);
    }
    connection(edit.persistence, head.version, upgrades, out);
    changed(edit.changes, expand, out);
    append(out, &["\r\n"]);
}

/// Appends the head of a response; `expand` appends a value. An interim response is not changed but
/// for what belongs to its connection.
pub fn response<Value>(
    head: &ResponseHead<'_>,
    asked: Asked,
    edit: &ResponseEdit<'_, Value>,
    expand: impl FnMut(&Value, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let (changes, security, persistence) = match head.kind() {
        Kind::Interim => (&[][..], None, Persistence::Keep),
        Kind::Upgraded => (edit.changes, None, Persistence::Keep),
        Kind::Final => (edit.changes, edit.security, edit.persistence),
    };
    append(out, &["HTTP/1.1 ", &head.status.to_string(), " "]);
    out.extend_from_slice(head.reason);
    append(out, &["\r\n"]);
    let upgrades = matches!(head.status, 101 | 426);
    // RFC 9112, 6.1 and RFC 9110, 8.6: these have no body, and so nothing that declares one.
    let is_undeclared = matches!(head.status, 100..200 | 204);
    for it in &head.fields {
        let is_changed = changes.iter().any(|change| change.replaces(it.name));
        let is_omitted = is_undeclared && declares(it);
        if !is_changed && !is_omitted && passes(it, &head.fields, upgrades) {
            copy(it, out);
        }
    }
    let is_set = |name: &str| changes.iter().any(|change| change.replaces(name));
    let preset = security.map(|scheme| security::lacking(&head.fields, is_set, scheme));
    for (name, value) in preset.into_iter().flatten() {
        append(out, &[name, ": ", value, "\r\n"]);
    }
    if head.kind() != Kind::Interim {
        connection(persistence, asked.version, upgrades, out);
    }
    changed(changes, expand, out);
    append(out, &["\r\n"]);
}

/// Fields that are for one connection only, besides Upgrade. TE is among them since it invites
/// codings that no response may have here.
const OWN: [&str; 4] = ["Connection", "Keep-Alive", "Proxy-Connection", "TE"];

/// Whether a field is for the next connection, too.
fn passes(field: &Field<'_>, fields: &[Field<'_>], upgrades: bool) -> bool {
    if field.is("Upgrade") {
        return upgrades;
    }
    let is_own = OWN.iter().any(|it| field.is(it));
    !is_own && !field::has_element(fields, "Connection", field.name)
}

fn declares(field: &Field<'_>) -> bool {
    field.is("Content-Length") || field.is("Transfer-Encoding")
}

/// Writes a field, and one that declares a length as it was understood.
fn copy(field: &Field<'_>, out: &mut Vec<u8>) {
    append(out, &[field.name, ": "]);
    let zeros = field.value.iter().take_while(|&&byte| byte == b'0').count();
    let value = match field.value.len() {
        _ if field.is("Transfer-Encoding") => b"chunked",
        length if field.is("Content-Length") => &field.value[zeros.min(length - 1)..],
        _ => field.value,
    };
    out.extend_from_slice(value);
    append(out, &["\r\n"]);
}

/// Says what becomes of the connection to somebody who speaks `version`.
fn connection(persistence: Persistence, version: Version, upgrades: bool, out: &mut Vec<u8>) {
    let word = match (persistence, version) {
        (Persistence::Close, _) => Some("close"),
        (Persistence::Keep, Version::Http10) => Some("keep-alive"),
        (Persistence::Keep, Version::Http11) => None,
    };
    let words = [word, upgrades.then_some("upgrade")];
    let mut words = words.into_iter().flatten();
    if let Some(first) = words.next() {
        append(out, &["Connection: ", first]);
        words.for_each(|word| append(out, &[", ", word]));
        append(out, &["\r\n"]);
    }
}

fn changed<Value>(
    changes: &[Change<Value>],
    mut expand: impl FnMut(&Value, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    for change in changes {
        match change {
            Change::Remove(_) => {}
            Change::Set(name, value) | Change::Add(name, value) => {
                append(out, &[name.text(), ": "]);
                let start = out.len();
                expand(value, out);
                // A value may come from anywhere, and must not become a line of its own.
                let is_control = |it: &&mut u8| it.is_ascii_control() && **it != b'\t';
                out[start..]
                    .iter_mut()
                    .filter(is_control)
                    .for_each(|it| *it = b'?');
                append(out, &["\r\n"]);
            }
        }
    }
}

fn append(out: &mut Vec<u8>, texts: &[&str]) {
    texts
        .iter()
        .for_each(|it| out.extend_from_slice(it.as_bytes()));
}
