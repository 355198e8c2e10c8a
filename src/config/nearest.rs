//! The word that may have been meant, for errors about words that nobody knows.

/// Of longer words nobody guesses what was meant; the comparison takes time and memory.
const LONGEST_BYTES: usize = 128;
/// Nor from among more words than that.
const MOST_KNOWN: usize = 512;

/// A question to end an error with, or nothing where no word of `known` is near.
#[must_use]
pub fn hint(word: &str, known: &[&str]) -> String {
    nearest(word, known)
        .map(|name| format!(": did you mean {name}?"))
        .unwrap_or_default()
}

/// The word of `known` that is most like `word`, if it is like it at all.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_short = |word: &str| word.len() <= LONGEST_BYTES;
    let known = known.iter().take(MOST_KNOWN);
    let known = known.filter(|name| is_short(word) && is_short(name));
    let (_, name) = known
        .map(|name| (strsim::damerau_levenshtein(word, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_offered_and_a_far_one_is_not() {
        let known = ["weight", "max-connections", "backup"];
        let table = [
            ("weigh", ": did you mean weight?"),
            ("max_connections", ": did you mean max-connections?"),
            ("Backup", ": did you mean backup?"),
            ("colour", ""),
            ("", ""),
            (&"weight".repeat(1_000_000), ""),
        ];
        for (word, wanted) in table {
            assert_eq!(hint(word, &known), wanted, "{word:?}");
        }
    }
}
