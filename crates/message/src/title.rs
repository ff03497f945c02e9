//! Titles for conversations that were given none.

use crate::{Content, Part};

/// How long a derived title gets.
const CHARS_MAX: usize = 80;

/// A title from the first text of a message: its beginning on one line. `None` when it has no word.
pub fn derive(content: &Content) -> Option<String> {
    let text = match content {
        Content::Text(text) => text,
        Content::Parts(parts) => parts.iter().find_map(|part| match part {
            Part::Text { text } if !text.trim().is_empty() => Some(text),
            _ => None,
        })?,
    };
    let mut title = String::new();
    let mut chars = 0;
    let separates = |c: char| c.is_whitespace() || c.is_control();
    for word in text.split(separates).filter(|word| !word.is_empty()) {
        let word_chars = word.chars().take(CHARS_MAX + 1).count();
        let gap = usize::from(chars != 0);
        if CHARS_MAX < chars + gap + word_chars {
            if chars == 0 {
                title.extend(word.chars().take(CHARS_MAX - 1));
            }
            title.push('…');
            break;
        }
        if gap != 0 {
            title.push(' ');
        }
        title.push_str(word);
        chars += gap + word_chars;
    }
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(derive(&Content::Text(text.to_owned())).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn what_has_no_word_gives_no_title() {
        check("", None);
        check(" \n\t\0 ", None);
    }

    #[test]
    fn a_title_is_one_line_without_control_characters() {
        check("  Where does\r\n\tthe thread \u{7} end? ", Some("Where does the thread end?"));
    }

    #[test]
    fn a_long_text_is_cut_between_words_and_a_long_word_within() {
        let eighty = format!("{} {}", "a".repeat(39), "b".repeat(40));
        check(&eighty, Some(&eighty));
        check(&format!("{eighty} c"), Some(&format!("{eighty}…")));
        check(&"é".repeat(81), Some(&format!("{}…", "é".repeat(79))));
        check(&"é".repeat(80), Some(&"é".repeat(80)));
    }

    #[test]
    fn the_first_part_with_words_counts() {
        let part = |text: &str| Part::Text { text: text.to_owned() };
        let content = Content::Parts(vec![part(" "), part("Hello"), part("world")]);
        assert_eq!(derive(&content).as_deref(), Some("Hello"));
    }
}
