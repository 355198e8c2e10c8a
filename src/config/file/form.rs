//! Values that are written as texts: each knows how it is read, written and called. The checks, the
//! schema and the types of the file all go by this.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use log::LevelFilter;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{
    self, AccessLogOutput, AdminAddress, AllDown, Balance, Endpoint, LineFormat, OnDown, SendProxy,
    ServerPattern, Statuses,
};

/// A value that is written as a text.
pub(super) trait Form: Sized {
    /// What the schema calls it.
    const NAME: &'static str;

    /// All texts there are, where they are few.
    fn words() -> Vec<&'static str>;

    /// A sentence where the text is none of its kind.
    fn read(text: &str) -> Result<Self, String>;

    fn write(&self) -> String;
}

/// A value with a form, in the types of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written<T>(pub(super) T);

impl<T: Form> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.write())
    }
}

impl<'de, T: Form> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::read(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: Form> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = T::words();
        if words.is_empty() {
            json_schema!({ "type": "string", "format": T::NAME })
        } else {
            json_schema!({ "type": "string", "enum": words })
        }
    }
}

/// What is wrong with a text that should have this form of the schema.
pub(super) fn complaint(form: &str, text: &str) -> Option<String> {
    let (_, complaint) = COMPLAINTS.iter().find(|(name, _)| *name == form)?;
    complaint(text)
}

type Complaint = fn(&str) -> Option<String>;

const fn complaint_of<T: Form>() -> (&'static str, Complaint) {
    (T::NAME, |text| T::read(text).err())
}

const COMPLAINTS: [(&str, Complaint); 21] = [
    complaint_of::<Duration>(),
    complaint_of::<SocketAddr>(),
    complaint_of::<Endpoint>(),
    complaint_of::<AdminAddress>(),
    complaint_of::<AccessLogOutput>(),
    complaint_of::<LineFormat>(),
    complaint_of::<Statuses>(),
    complaint_of::<Name>(),
    complaint_of::<FilePath>(),
    complaint_of::<NameServer>(),
    complaint_of::<HttpPath>(),
    complaint_of::<HttpHost>(),
    complaint_of::<Expected>(),
    complaint_of::<Word>(),
    complaint_of::<IpNet>(),
    complaint_of::<IpAddr>(),
    complaint_of::<ServerPattern>(),
    complaint_of::<AlpnProtocol>(),
    complaint_of::<HeaderName>(),
    complaint_of::<HeaderValue>(),
    complaint_of::<ServerName>(),
];

/// A value of which there are many, by how it is read and written.
macro_rules! form {
    ($type:ty, $name:literal, $read:expr, $write:expr) => {
        impl Form for $type {
            const NAME: &'static str = $name;

            fn words() -> Vec<&'static str> {
                Vec::new()
            }

            fn read(text: &str) -> Result<Self, String> {
                $read(text)
            }

            fn write(&self) -> String {
                $write(self)
            }
        }
    };
}

/// One of a few, each of which has a word.
macro_rules! words {
    ($type:ty, $name:literal, $all:expr, $word:expr) => {
        impl Form for $type {
            const NAME: &'static str = $name;

            fn words() -> Vec<&'static str> {
                $all.map($word).to_vec()
            }

            fn read(text: &str) -> Result<Self, String> {
                let mut all = $all.into_iter();
                all.find(|it| $word(*it) == text)
                    .ok_or_else(|| format!("'{text}' is no {}", $name))
            }

            fn write(&self) -> String {
                $word(*self).to_owned()
            }
        }
    };
}

mod http;
mod tls;

pub(super) use http::{HeaderName, HeaderValue};
pub(super) use tls::{AlpnProtocol, ServerName};

form!(
    Duration,
    "l4lb-duration",
    |text| told(config::duration(text)),
    write_duration
);
form!(
    SocketAddr,
    "l4lb-listen-address",
    |text| told(config::listen_address(text)),
    ToString::to_string
);
form!(
    Endpoint,
    "l4lb-backend-address",
    |text| told(Self::parse(text)),
    ToString::to_string
);
form!(
    AdminAddress,
    "l4lb-admin-address",
    Self::parse,
    ToString::to_string
);
form!(
    AccessLogOutput,
    "l4lb-access-log-output",
    Self::parse,
    ToString::to_string
);
form!(LineFormat, "l4lb-line-format", Self::parse, |it: &Self| it
    .text()
    .to_owned());
form!(Statuses, "l4lb-statuses", config::statuses, write_statuses);

words!(Balance, "way to balance", Self::ALL, Self::name);
words!(OnDown, "way to go down", Self::ALL, Self::name);
words!(AllDown, "way to answer", Self::ALL, Self::name);
words!(
    SendProxy,
    "version of the PROXY header",
    Self::ALL,
    Self::name
);
words!(LevelFilter, "log level", LEVELS, level);

const LEVELS: [LevelFilter; 5] = [
    LevelFilter::Error,
    LevelFilter::Warn,
    LevelFilter::Info,
    LevelFilter::Debug,
    LevelFilter::Trace,
];

const fn level(level: LevelFilter) -> &'static str {
    match level {
        LevelFilter::Off => "off",
        LevelFilter::Error => "error",
        LevelFilter::Warn => "warn",
        LevelFilter::Info => "info",
        LevelFilter::Debug => "debug",
        LevelFilter::Trace => "trace",
    }
}

/// What a listener, a pool or a backend is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name(pub(super) Arc<str>);

/// A file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilePath(pub(super) PathBuf);

/// A name server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NameServer(pub(super) SocketAddr);

/// What an HTTP check asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HttpPath(pub(super) Arc<str>);

/// What an HTTP check says in its Host header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HttpHost(pub(super) Arc<str>);

/// What a check waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected(pub(super) String);

/// Of an answer no more is looked at.
const EXPECTED_BYTES: usize = 16 * 1024;

/// A word of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word(pub(super) String);

/// What a probe does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CheckKind {
    Tcp,
    Http,
    SendExpect,
    Off,
}

impl CheckKind {
    const ALL: [Self; 4] = [Self::Tcp, Self::Http, Self::SendExpect, Self::Off];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::SendExpect => "send-expect",
            Self::Off => "off",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

form!(
    Name,
    "l4lb-name",
    |text| config::name(text).map(|it| Self(it.into())),
    |it: &Self| it.0.to_string()
);
form!(FilePath, "l4lb-file", read_path, |it: &Self| it
    .0
    .display()
    .to_string());
form!(
    NameServer,
    "l4lb-name-server",
    |text| config::name_server(text).map(Self),
    |it: &Self| it.0.to_string()
);
form!(
    HttpPath,
    "l4lb-http-path",
    |text| config::http_path(text).map(Self),
    |it: &Self| it.0.to_string()
);
form!(
    HttpHost,
    "l4lb-http-host",
    |text| config::http_host(text).map(Self),
    |it: &Self| it.0.to_string()
);
form!(
    Expected,
    "l4lb-expected-text",
    read_expected,
    |it: &Self| it.0.clone()
);
form!(IpNet, "l4lb-network", config::network, ToString::to_string);
form!(
    IpAddr,
    "l4lb-ip-address",
    config::own_address,
    ToString::to_string
);
form!(Word, "l4lb-word", read_word, |it: &Self| it.0.clone());

form!(
    ServerPattern,
    "l4lb-server-name",
    Self::parse,
    ToString::to_string
);

words!(CheckKind, "type of check", Self::ALL, Self::name);

fn told<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn write_duration(duration: &Duration) -> String {
    humantime::format_duration(*duration)
        .to_string()
        .replace(' ', "")
}

fn write_statuses(statuses: &Statuses) -> String {
    let range = |range: &RangeInclusive<u16>| {
        let (first, last) = (range.start(), range.end());
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    statuses.iter().map(range).collect::<Vec<_>>().join(",")
}

fn read_path(text: &str) -> Result<FilePath, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("a path is not empty, and has no NUL".to_owned());
    }
    Ok(FilePath(text.into()))
}

fn read_word(text: &str) -> Result<Word, String> {
    if text.contains('\0') {
        return Err("a word of a command has no NUL".to_owned());
    }
    Ok(Word(text.to_owned()))
}

fn read_expected(text: &str) -> Result<Expected, String> {
    if (1..=EXPECTED_BYTES).contains(&text.len()) {
        return Ok(Expected(text.to_owned()));
    }
    Err(format!(
        "an answer is expected to contain 1 to {EXPECTED_BYTES} bytes"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Whether each text is read and written again as the second one.
    #[track_caller]
    fn expect<T: Form>(table: &[(&str, &str)]) {
        for (text, written) in table {
            let value = T::read(text).unwrap();
            assert_eq!(value.write(), *written, "{text}");
            assert_eq!(T::read(written).unwrap().write(), *written, "{written}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        expect::<Duration>(&[("90s", "1m30s"), ("1h 30m", "1h30m"), ("250ms", "250ms")]);
        expect::<SocketAddr>(&[(":9000", "[::]:9000"), ("0.0.0.0:0", "0.0.0.0:0")]);
        expect::<AccessLogOutput>(&[("-", "-"), ("off", "off"), ("a/b", "a/b")]);
        expect::<LineFormat>(&[("json", "json"), ("{client}", "{client}")]);
        expect::<Statuses>(&[("200-200, 401", "200,401"), ("200-399", "200-399")]);
        expect::<Endpoint>(&[
            ("srv:_a._b.c", "srv:_a._b.c"),
            ("https://a:1", "https://a:1"),
        ]);
    }

    #[test]
    fn every_form_has_a_name_of_its_own() {
        let names: BTreeSet<_> = COMPLAINTS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), COMPLAINTS.len());
    }

    #[test]
    fn every_form_of_the_schema_is_checked() {
        let schema = config::file::schema().to_string();
        let names = schema
            .match_indices("\"l4lb-")
            .map(|(at, _)| &schema[at + 1..]);
        let names: Vec<&str> = names.map(|it| &it[..it.find('"').unwrap()]).collect();
        for (name, complaint) in COMPLAINTS {
            assert!(names.contains(&name), "{name} is not in the schema");
            assert!(
                complaint("\0").is_some() || name == "l4lb-expected-text",
                "{name}"
            );
        }
        for name in names {
            assert!(
                COMPLAINTS.iter().any(|(it, _)| *it == name),
                "{name} is not checked"
            );
        }
    }

    #[test]
    fn every_word_is_read_and_written_as_it_stands() {
        fn expect_words<T: Form>() {
            assert!(!T::words().is_empty());
            for word in T::words() {
                expect::<T>(&[(word, word)]);
            }
            assert!(T::read("neither").is_err());
        }
        expect_words::<Balance>();
        expect_words::<OnDown>();
        expect_words::<AllDown>();
        expect_words::<SendProxy>();
        expect_words::<config::Protocol>();
        expect_words::<crate::http::Forwarded>();
        expect_words::<config::Per>();
        expect_words::<LevelFilter>();
        expect_words::<CheckKind>();
    }
}
