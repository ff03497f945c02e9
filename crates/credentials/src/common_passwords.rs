//! The passwords that attackers try first.

/// Sorted by bytes, in lower case; data/README.md says where it comes from.
static LIST: &str = include_str!("../data/common_passwords.txt");

/// Whether the list holds this text, which must be in lower case.
///
/// A binary search over the text itself: no table is built, which a fresh instance would pay for.
pub(crate) fn contains(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        let middle = low.midpoint(high);
        // The line around the middle, within what is still open.
        let start =
            LIST.as_bytes().get(low..middle).and_then(last_newline).map_or(low, |at| low + at + 1);
        let Some(rest) = LIST.get(start..) else { return false };
        let line = rest.split('\n').next().unwrap_or_default();
        match line.cmp(text) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

fn last_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_and_the_list_is_as_long_as_it_says() {
        let lines: Vec<_> = LIST.lines().collect();
        assert_eq!(lines.len(), 16_383);
        assert!(lines.is_sorted());
        for line in lines {
            assert!(contains(line), "{line:?}");
            assert!(8 <= line.chars().count() && line == line.to_lowercase(), "{line:?}");
        }
    }

    #[test]
    fn what_is_not_a_whole_line_is_not_found() {
        for text in
            ["", "\n", "password\n", "passwor", "\npassword", "zzzzzzzzzzzzzzzzzzzz", "!", "é"]
        {
            assert!(!contains(text), "{text:?}");
        }
    }
}
