//! Where the access log goes, how a line of it looks, and which lines there are.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Template, hint};

/// The access log.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLogConfig {
    /// Where it goes.
    pub output: AccessLogOutput,
    /// How a line looks.
    pub format: LineFormat,
    /// Which lines there are.
    pub filter: LineFilter,
}

impl Default for AccessLogConfig {
    /// What holds where nothing is said of it.
    fn default() -> Self {
        Self::to(AccessLogOutput::Off)
    }
}

impl AccessLogConfig {
    /// All lines in the default form.
    #[must_use]
    pub fn to(output: AccessLogOutput) -> Self {
        Self {
            output,
            format: LineFormat::default(),
            filter: LineFilter::default(),
        }
    }
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogOutput {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to this file, which is opened again on USR1.
    File(PathBuf),
}

impl AccessLogOutput {
    /// Parses `-`, `off` or a path.
    ///
    /// # Errors
    ///
    /// A sentence that says what may stand there.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "-" => Ok(Self::Stdout),
            path if path.is_empty() || path.contains('\0') => {
                Err("the access log goes to - (standard output), a path, or is off".to_owned())
            }
            path => Ok(Self::File(path.into())),
        }
    }
}

impl fmt::Display for AccessLogOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Stdout => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// How a line of the access log looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// Words for people and `awk`.
    #[default]
    Default,
    /// What HAProxy's `option tcplog` prints.
    Haproxy,
    /// An object with names of the Elastic Common Schema.
    Json,
    /// What the configuration says.
    Template(Template),
}

impl LineFormat {
    const WORDS: [&str; 3] = ["default", "haproxy", "json"];

    /// Parses one of the words, or a template.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, with the nearest name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            "haproxy" => Ok(Self::Haproxy),
            "json" => Ok(Self::Json),
            text if !text.contains(['{', '}']) => {
                let hint = hint(text, &Self::WORDS);
                let words = Self::WORDS.join(", ");
                Err(format!(
                    "the format of a line is one of {words}, or a template with {{placeholders}}{hint}"
                ))
            }
            text => Template::parse(text).map(Self::Template),
        }
    }

    /// The word, or the template.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Default => "default",
            Self::Haproxy => "haproxy",
            Self::Json => "json",
            Self::Template(template) => template.text(),
        }
    }
}

/// Which lines there are. One of a session that did not end by itself is always among them.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFilter {
    /// From one line of a session that lives on to the next; `None` is no such lines.
    pub interval: Option<Duration>,
    /// Of sessions that ended by themselves, none.
    pub only_errors: bool,
    /// Of these, those that lasted at least that long.
    pub min_duration: Duration,
    /// Of these, that share, 0 to 1.
    pub sample: f64,
}

impl Default for LineFilter {
    /// One line for each session.
    fn default() -> Self {
        Self {
            interval: None,
            only_errors: false,
            min_duration: Duration::ZERO,
            sample: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_written_as_it_was_read() {
        for text in [
            "default",
            "haproxy",
            "json",
            "{client} {{ {term}",
            "{time}\t}}",
        ] {
            assert_eq!(LineFormat::parse(text).unwrap().text(), text);
        }
    }

    #[test]
    fn what_is_no_format_is_refused_with_the_nearest_word() {
        let table = [
            (
                "jsno",
                "one of default, haproxy, json, or a template with {placeholders}: did you mean json?",
            ),
            ("", "one of default, haproxy, json"),
            ("plain words", "or a template with {placeholders}"),
            ("{bytes-in}", "did you mean bytes_in?"),
        ];
        for (text, wanted) in table {
            let error = LineFormat::parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
    }
}
