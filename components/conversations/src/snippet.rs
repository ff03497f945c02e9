//! Snippets: HTML in which all text is escaped and only `<mark>` is live.

/// Stands in a text before what was found.
pub const MARK: char = '\u{2}';

/// Stands behind it.
pub const UNMARK: char = '\u{3}';

/// A piece of a text with marks.
pub struct Excerpt<'a> {
    pub text: &'a str,
    /// Whether something was cut off before it.
    pub is_cut_before: bool,
    /// Whether something was cut off behind it.
    pub is_cut_after: bool,
}

impl Excerpt<'_> {
    /// The snippet: cut between words, on one line, with balanced marks whatever the text has.
    pub fn to_html(&self) -> String {
        let mut text = self.text;
        if self.is_cut_before {
            let first_mark = text.find(MARK).unwrap_or(text.len());
            let gap = text.find(char::is_whitespace).filter(|gap| *gap < first_mark);
            text = gap.and_then(|gap| text.get(gap..)).unwrap_or(text).trim_start();
        }
        if self.is_cut_after {
            let last_mark = text.rfind(UNMARK).unwrap_or(0);
            let gap = text.rfind(char::is_whitespace).filter(|gap| last_mark < *gap);
            text = gap.and_then(|gap| text.get(..gap)).unwrap_or(text).trim_end();
        }
        let mut html = String::with_capacity(text.len() + 32);
        let mut is_marked = false;
        if self.is_cut_before {
            html.push('…');
        }
        for c in text.trim().chars() {
            match c {
                MARK if !is_marked => {
                    html.push_str("<mark>");
                    is_marked = true;
                }
                UNMARK if is_marked => {
                    html.push_str("</mark>");
                    is_marked = false;
                }
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                c if c.is_whitespace() => {
                    if !html.ends_with(' ') {
                        html.push(' ');
                    }
                }
                c if c.is_control() => {}
                c => html.push(c),
            }
        }
        if is_marked {
            html.push_str("</mark>");
        }
        if self.is_cut_after {
            html.push('…');
        }
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_cut_before: bool, is_cut_after: bool, expected: &str) {
        let excerpt = Excerpt { text, is_cut_before, is_cut_after };
        assert_eq!(excerpt.to_html(), expected, "{text:?}");
    }

    #[test]
    fn all_text_is_escaped_and_only_marks_are_live() {
        check(
            "<script>\u{2}a&b\u{3}</script> \"'",
            false,
            false,
            "&lt;script&gt;<mark>a&amp;b</mark>&lt;/script&gt; &quot;&#39;",
        );
        check("\u{2}\u{2}a\u{2}b", false, false, "<mark>ab</mark>");
        check("\u{3}a\u{3}", false, false, "a");
        check("<mark>a</mark>", false, false, "&lt;mark&gt;a&lt;/mark&gt;");
        check("a\u{0}\u{1b}[31m\u{7f}b", false, false, "a[31mb");
    }

    #[test]
    fn excerpts_are_cut_between_words() {
        check("rst  second \u{2}hit\u{3} third fou", true, true, "…second <mark>hit</mark> third…");
        check("rst\u{2}hit\u{3}fou", true, true, "…rst<mark>hit</mark>fou…");
        check("\u{2}one two", true, true, "…<mark>one</mark>…");
        check("", true, true, "……");
        check(" one\n\n two ", false, false, "one two");
    }
}
