//! What a header of version 2 says besides addresses: type, length, value, one after the other.

use super::DecodeError;

const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const CHECKSUM: u8 = 0x03;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;
const SSL_VERSION: u8 = 0x21;
const SSL_COMMON_NAME: u8 = 0x22;

/// Bits of what an SSL TLV says of a client: TLS was used, with a certificate on this connection, or
/// earlier in the session.
const CLIENT_TLS: u8 = 0x01;
const CLIENT_CERTIFICATE: u8 = 0x02 | 0x04;

/// Bytes of that, and of the result of the verification.
const SSL_FIXED_BYTES: usize = 5;

/// The longest unique id.
const MOST_UNIQUE_ID_BYTES: usize = 128;

/// The longest value that is written, so that any of them go into a header together.
const MOST_WRITTEN_BYTES: usize = 1024;

/// What a proxy knows of a connection besides its addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tlvs<'a> {
    /// The name that the client asked for: SNI.
    pub authority: Option<&'a str>,
    /// The protocol that runs inside of TLS.
    pub alpn: Option<&'a [u8]>,
    /// What names this connection in the logs of all who relay it.
    pub unique_id: Option<&'a [u8]>,
    /// How the client speaks TLS with the proxy, where it does.
    pub ssl: Option<Ssl<'a>>,
}

/// What a proxy that speaks TLS with the client knows of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ssl<'a> {
    /// The version, such as `TLSv1.3`.
    pub version: &'a str,
    /// Whether the client has shown a certificate.
    pub client_cert: bool,
    /// Whether that certificate was verified, with success.
    pub verified: bool,
    /// The common name in it.
    pub common_name: Option<&'a str>,
}

impl<'a> Tlvs<'a> {
    /// Reads them, and where among the bytes a checksum stands that is still to be compared. Types that
    /// are unknown, or not used here, are passed over.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, Option<usize>), DecodeError> {
        let (mut tlvs, mut checksum) = (Self::default(), None);
        let mut rest = bytes;
        while let Some((kind, value, after)) = next(rest)? {
            match kind {
                ALPN => tlvs.alpn = once(tlvs.alpn, value)?,
                AUTHORITY => tlvs.authority = once(tlvs.authority, text(value)?)?,
                UNIQUE_ID if value.len() > MOST_UNIQUE_ID_BYTES => {
                    return Err(DecodeError("has a unique id of more than 128 bytes"));
                }
                UNIQUE_ID => tlvs.unique_id = once(tlvs.unique_id, value)?,
                SSL => {
                    if let Some(ssl) = Ssl::read(value)? {
                        tlvs.ssl = once(tlvs.ssl, ssl)?;
                    }
                }
                CHECKSUM if value.len() != 4 => {
                    return Err(DecodeError("has a checksum that is not of four bytes"));
                }
                CHECKSUM => checksum = once(checksum, bytes.len() - after.len() - 4)?,
                _ => {}
            }
            rest = after;
        }
        Ok((tlvs, checksum))
    }

    /// Appends them.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let Self {
            authority,
            alpn,
            unique_id,
            ssl,
        } = self;
        append(to, ALPN, *alpn);
        append(to, AUTHORITY, authority.map(str::as_bytes));
        append(to, UNIQUE_ID, *unique_id);
        if let Some(ssl) = ssl {
            put(to, SSL, &ssl.written());
        }
    }
}

impl<'a> Ssl<'a> {
    /// `None` where the client does not speak TLS.
    fn read(value: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let Some((&[client, ref verify @ ..], mut rest)) =
            value.split_first_chunk::<SSL_FIXED_BYTES>()
        else {
            return Err(DecodeError("has an SSL part that is too short"));
        };
        let mut ssl = Self {
            client_cert: client & CLIENT_CERTIFICATE != 0,
            verified: *verify == [0; 4],
            ..Self::default()
        };
        while let Some((kind, value, after)) = next(rest)? {
            match kind {
                SSL_VERSION => ssl.version = text(value)?,
                SSL_COMMON_NAME => ssl.common_name = Some(text(value)?),
                _ => {}
            }
            rest = after;
        }
        Ok((client & CLIENT_TLS != 0).then_some(ssl))
    }

    fn written(&self) -> Vec<u8> {
        let certificate = if self.client_cert {
            CLIENT_CERTIFICATE
        } else {
            0
        };
        let mut value = vec![CLIENT_TLS | certificate, 0, 0, 0, u8::from(!self.verified)];
        append(&mut value, SSL_VERSION, Some(self.version.as_bytes()));
        append(
            &mut value,
            SSL_COMMON_NAME,
            self.common_name.map(str::as_bytes),
        );
        value
    }
}

/// The first one: its type, its value, and what follows.
type First<'a> = (u8, &'a [u8], &'a [u8]);

fn next(bytes: &[u8]) -> Result<Option<First<'_>>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let cut = DecodeError("has a TLV that is longer than what is left");
    let (&[kind, high, low], rest) = bytes.split_first_chunk::<3>().ok_or(cut)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (value, after) = rest.split_at_checked(length).ok_or(cut)?;
    Ok(Some((kind, value, after)))
}

/// Who says a thing twice may be read as saying either.
fn once<T>(known: Option<T>, value: T) -> Result<Option<T>, DecodeError> {
    match known {
        None => Ok(Some(value)),
        Some(_) => Err(DecodeError("has a TLV twice")),
    }
}

fn text(value: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(value).map_err(|_| DecodeError("has a text that is not UTF-8"))
}

/// Appends one, unless it is too long to be of use to anybody.
fn append(to: &mut Vec<u8>, kind: u8, value: Option<&[u8]>) {
    if let Some(value) = value.filter(|it| it.len() <= MOST_WRITTEN_BYTES) {
        put(to, kind, value);
    }
}

fn put(to: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if let Ok(length) = u16::try_from(value.len()) {
        to.push(kind);
        to.extend(length.to_be_bytes());
        to.extend(value);
    }
}
