//! Hellos that are put together from parts, which need not be right.

/// Numbers of extensions.
pub(super) const NAME: u16 = 0;
pub(super) const ALPN: u16 = 16;

fn with_length(of_length: usize, bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_be_bytes();
    [&length[8 - of_length..], bytes].concat()
}

/// An extension with its data.
pub(super) fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(2, data)].concat()
}

/// A list of one host name.
pub(super) fn names(name: &[u8]) -> Vec<u8> {
    with_length(2, &[&[0][..], &with_length(2, name)].concat())
}

/// A list of protocols.
pub(super) fn protocols(all: &[&[u8]]) -> Vec<u8> {
    let all: Vec<_> = all.iter().map(|it| with_length(1, it)).collect();
    with_length(2, &all.concat())
}

/// A message of the handshake with this body.
pub(super) fn hello(body: &[u8]) -> Vec<u8> {
    [&[1][..], &with_length(3, body)].concat()
}

/// A hello with these extensions.
pub(super) fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = with_length(2, &extensions.concat());
    let start = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0]].concat();
    hello(&[start, extensions].concat())
}

/// A message in records of so many bytes, or of as many as there can be.
pub(super) fn records(message: &[u8], bytes: usize) -> Vec<u8> {
    let record = |it: &[u8]| [&[22, 3, 1][..], &with_length(2, it)].concat();
    let records: Vec<_> = message.chunks(bytes.min(16 * 1024)).map(record).collect();
    records.concat()
}
