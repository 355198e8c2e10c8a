//! Fields of a head: their names, values and lists.

/// One line of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// As it was written.
    pub name: &'a str,
    /// Without the white space around it. Nobody promises that it is UTF-8.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this is its name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Fields that say where a message ends or whether its body comes, or belong to one connection: l4lb
/// writes them itself.
const OWN: [&str; 10] = [
    "Connection",
    "Content-Length",
    "Expect",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
];

/// The longest name that may be edited, in bytes.
const MOST_NAME_BYTES: usize = 256;

/// The name of a field that may be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Box<str>);

impl Name {
    /// Takes a token (RFC 9110, 5.6.2) that is none of the fields which l4lb writes itself.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !(1..=MOST_NAME_BYTES).contains(&text.len()) || !text.bytes().all(is_token) {
            return Err(format!(
                "a header's name has 1 to {MOST_NAME_BYTES} letters, digits and -_.!#$%&'*+^`|~"
            ));
        }
        if OWN.iter().any(|own| same(own, text)) {
            return Err(format!("{text} is kept right by l4lb itself"));
        }
        Ok(Self(text.into()))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Whether two names are one to a backend: CGI and its heirs make `HTTP_X_REAL_IP` of `X-Real-IP`
/// and of `X_Real_IP`.
pub(super) fn same(left: &str, right: &str) -> bool {
    let plain = |byte: u8| match byte {
        b'_' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    left.bytes().map(plain).eq(right.bytes().map(plain))
}

/// Whether a name is one of these only to those who take `_` for `-`.
pub(super) fn mimics(name: &str, names: &[&str]) -> bool {
    let is_one = |it: &&str| same(name, it) && !name.eq_ignore_ascii_case(it);
    name.contains('_') && names.iter().any(is_one)
}

/// Whether a byte may stand in a token (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The elements of all fields of this name, which are lists; empty ones do not count (RFC 9110,
/// 5.6.1).
pub(super) fn elements<'a>(
    fields: &'a [Field<'a>],
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    let lists = fields.iter().filter(move |field| field.is(name));
    let elements = lists.flat_map(|field| field.value.split(|&byte| byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
}

/// Whether a list holds a word.
pub(super) fn has_element(fields: &[Field<'_>], name: &str, word: &str) -> bool {
    elements(fields, name).any(|it| it.eq_ignore_ascii_case(word.as_bytes()))
}
