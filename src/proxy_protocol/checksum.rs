//! CRC32C (Castagnoli) of a header, in which its own four bytes count as zero.

/// The polynomial, reflected (RFC 3720, appendix B.4).
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Whether the four bytes at `at` are the checksum of the header.
pub(super) fn holds(header: &[u8], at: usize) -> bool {
    let (before, rest) = header.split_at(at);
    let (stated, after) = rest.split_at(4);
    let bytes = before.iter().chain(&[0; 4]).chain(after);
    of(bytes.copied()).to_be_bytes() == *stated
}

/// Headers are short, and few have one: bit by bit will do.
pub(super) fn of(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (POLYNOMIAL * (sum & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes_have_their_known_checksums() {
        // RFC 3720, appendix B.4, and the usual check value.
        let ascending: Vec<u8> = (0..32).collect();
        let table: [(&[u8], u32); 4] = [
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
        ];
        for (bytes, sum) in table {
            assert_eq!(of(bytes.iter().copied()), sum, "{bytes:?}");
        }
    }
}
