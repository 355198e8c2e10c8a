//! Why TLS did not come about, or broke: a word of a few, which metrics count, and a sentence. Pure.

use std::fmt;

use rustls::Error;

/// What went wrong, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// What came is no TLS.
    NotTls,
    /// Both speak TLS, but have no version, cipher or protocol in common.
    Incompatible,
    /// The peer showed no certificate, or none that can be trusted.
    Certificate,
    /// The peer has said that something is wrong.
    Alert,
    /// Anything else that is against the rules.
    Protocol,
}

impl Reason {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::NotTls,
        Self::Incompatible,
        Self::Certificate,
        Self::Alert,
        Self::Protocol,
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::Certificate => "certificate",
            Self::Alert => "alert",
            Self::Protocol => "protocol",
        }
    }
}

/// Why a connection failed. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Roughly.
    pub reason: Reason,
    what: String,
}

impl Failure {
    pub(super) fn new(reason: Reason, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { reason, what }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = match &error {
            Error::InvalidMessage(_) => Reason::NotTls,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Reason::Incompatible,
            Error::NoCertificatesPresented | Error::InvalidCertificate(_) => Reason::Certificate,
            Error::AlertReceived(_) => Reason::Alert,
            _ => Reason::Protocol,
        };
        Self::new(reason, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
