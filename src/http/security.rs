//! The preset of headers that make browsers careful. What a backend says itself of the same thing
//! is left to it.

use super::Scheme;
use super::field::Field;

/// One year, as RFC 6797 has it in its examples. Subdomains are left out: nobody here knows who
/// serves them.
const STRICT_TRANSPORT: (&str, &str) = ("Strict-Transport-Security", "max-age=31536000");

/// Of browsers that know nothing of `frame-ancestors`.
const FRAMES: (&str, &str) = ("X-Frame-Options", "SAMEORIGIN");

const PRESET: [(&str, &str); 2] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
];

/// Policies add up: one more allows nothing that another one forbids.
const ANCESTORS: (&str, &str) = ("Content-Security-Policy", "frame-ancestors 'self'");

/// The headers that a response with these fields lacks; `is_set` says which ones it gets besides.
pub(super) fn lacking(
    fields: &[Field<'_>],
    is_set: impl Fn(&str) -> bool,
    scheme: Scheme,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has = |name: &str| is_set(name) || fields.iter().any(|field| field.is(name));
    let says_ancestors = fields.iter().any(|field| {
        let word = b"frame-ancestors";
        let mut windows = field.value.windows(word.len());
        field.is(ANCESTORS.0) && windows.any(|it| it.eq_ignore_ascii_case(word))
    });
    let strict = (scheme == Scheme::Https && !has(STRICT_TRANSPORT.0)).then_some(STRICT_TRANSPORT);
    let frames = (!says_ancestors && !has(FRAMES.0)).then_some(FRAMES);
    // Where there is a policy, browsers do not look at X-Frame-Options (CSP 3, 6.4.2): what that says holds.
    let ancestors = (!says_ancestors && !has(FRAMES.0)).then_some(ANCESTORS);
    let others = PRESET.map(|it| (!has(it.0)).then_some(it));
    [strict, frames, ancestors]
        .into_iter()
        .chain(others)
        .flatten()
}
