//! Deterministic bytes: any lost, repeated, reordered or foreign byte shows at its offset.
//!
//! The stream is a row of 16-byte blocks: 8 bytes that state the block's own offset (big endian, so
//! that a hex dump can be read), then 8 bytes scrambled from it, so that every byte position varies.
//! Pure; the behaviours send it, the tests of a balancer check it.

const WORD_BYTES: usize = 8;
/// How much is compared at a time; it lives on the stack.
const CHECK_BYTES: usize = 4096;

/// Fills `out` with the bytes of the pattern from `offset` on.
pub fn fill(offset: u64, out: &mut [u8]) {
    let skipped = (offset % 8) as usize;
    let head_len = ((WORD_BYTES - skipped) % WORD_BYTES).min(out.len());
    let (head, rest) = out.split_at_mut(head_len);
    head.copy_from_slice(&word(offset / 8)[skipped..][..head_len]);
    for (index, chunk) in (offset.div_ceil(8)..).zip(rest.chunks_mut(WORD_BYTES)) {
        chunk.copy_from_slice(&word(index)[..chunk.len()]);
    }
}

/// Compares `data` with the pattern from `offset` on.
///
/// # Errors
///
/// The offset (in the whole stream) of the first byte that differs.
pub fn check(offset: u64, data: &[u8]) -> Result<(), u64> {
    let mut expected = [0; CHECK_BYTES];
    let mut at = offset;
    for chunk in data.chunks(CHECK_BYTES) {
        let expected = &mut expected[..chunk.len()];
        fill(at, expected);
        if expected != chunk {
            let same = expected
                .iter()
                .zip(chunk)
                .take_while(|(a, b)| a == b)
                .count();
            return Err(at.wrapping_add(same as u64));
        }
        at = at.wrapping_add(chunk.len() as u64);
    }
    Ok(())
}

/// The 8 bytes at offset `8 * index`.
const fn word(index: u64) -> [u8; WORD_BYTES] {
    if index.is_multiple_of(2) {
        index.wrapping_mul(8).to_be_bytes()
    } else {
        scrambled(index).to_be_bytes()
    }
}

/// The finisher of splitmix64: one to one, so no two blocks are alike.
const fn scrambled(seed: u64) -> u64 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{check, fill};

    fn bytes(offset: u64, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        fill(offset, &mut out);
        out
    }

    #[test]
    fn a_block_starts_with_its_own_offset() {
        assert_eq!(bytes(0, 8), [0; 8]);
        assert_eq!(bytes(0x1230, 8), [0, 0, 0, 0, 0, 0, 0x12, 0x30]);
    }

    #[test]
    fn any_piece_equals_the_same_place_in_the_whole() {
        let whole = bytes(0, 10_000);
        for offset in (0..40).chain([4095, 4096, 4097, 9_900]) {
            for len in (0..40).chain([100]) {
                assert_eq!(
                    bytes(offset as u64, len),
                    whole[offset..offset + len],
                    "{offset} {len}"
                );
            }
        }
    }

    #[test]
    fn what_was_filled_passes_the_check_at_odd_offsets() {
        for offset in [0, 1, 7, 8, 9, 4095, (1 << 32) - 3, (1 << 40) + 5] {
            for len in [0, 1, 2, 7, 8, 9, 4095, 4096, 4097, 20_001] {
                assert_eq!(check(offset, &bytes(offset, len)), Ok(()), "{offset} {len}");
            }
        }
    }

    #[test]
    fn one_changed_bit_is_found_at_its_offset() {
        let offset = 12_345;
        for place in [0, 1, 8, 4095, 4096, 4097, 9_999] {
            let mut data = bytes(offset, 10_000);
            data[place] ^= 1;
            assert_eq!(check(offset, &data), Err(offset + place as u64));
        }
    }

    #[test]
    fn a_lost_or_repeated_piece_is_found_within_a_block() {
        for (from, to) in [(100, 101), (100, 116), (4096, 8192), (1, 65_537)] {
            let whole = bytes(0, 100_000);
            let lost = [&whole[..from], &whole[to..]].concat();
            let repeated = [&whole[..to], &whole[from..]].concat();
            let found = check(0, &lost).unwrap_err();
            assert!(
                (from as u64..from as u64 + 16).contains(&found),
                "{from} {to} {found}"
            );
            let found = check(0, &repeated).unwrap_err();
            assert!(
                (to as u64..to as u64 + 16).contains(&found),
                "{from} {to} {found}"
            );
        }
    }

    #[test]
    fn the_end_of_all_offsets_is_no_panic() {
        assert_eq!(check(u64::MAX - 20, &bytes(u64::MAX - 20, 100)), Ok(()));
    }
}
