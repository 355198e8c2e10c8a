//! The word that may have been meant, for errors about words that nobody knows.

/// A question to end an error with, or nothing where no word of `known` is near.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3));
    nearest
        .map(|(_, name)| format!(": did you mean {name}?"))
        .unwrap_or_default()
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
        ];
        for (word, wanted) in table {
            assert_eq!(hint(word, &known), wanted, "{word:?}");
        }
    }
}
