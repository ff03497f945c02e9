//! What someone looks for, and how it becomes an expression of FTS5 (<https://sqlite.org/fts5.html#full_text_query_syntax>).

use std::fmt::Write as _;

use ids::{AccountId, ConversationId};

use message::MessageRole;

/// How long a query may be.
pub const QUERY_CHARS_MAX: usize = 1_000;

/// How many words and phrases of a query count; what comes after them is dropped.
pub const QUERY_TERMS_MAX: usize = 32;

/// The words and "quoted phrases" of a query. All of them must occur; nothing in them is an operator.
#[derive(Debug, PartialEq, Eq)]
pub struct SearchQuery(Vec<String>);

impl SearchQuery {
    /// Reads a query. `None` when no word is in it: punctuation alone is found nowhere.
    pub fn parse(text: &str) -> Option<Self> {
        // Every second piece between quotation marks is a phrase; of an unclosed one too.
        let terms: Vec<String> = text
            .split('"')
            .enumerate()
            .flat_map(|(n, piece)| match n % 2 {
                0 => piece.split_whitespace().map(str::to_owned).collect(),
                _ => vec![piece.to_owned()],
            })
            .map(|term| term.replace('\0', " "))
            .filter(|term| term.contains(char::is_alphanumeric))
            .take(QUERY_TERMS_MAX)
            .collect();
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// The first word or phrase.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The expression that finds them in the column `text` of entries whose column `scope` has all of `scope`.
    pub fn expression<'a>(&self, scope: impl IntoIterator<Item = &'a str>) -> String {
        let mut expression = String::new();
        conjunction(&mut expression, "scope", scope);
        expression.push_str(" AND ");
        conjunction(&mut expression, "text", self.0.iter().map(String::as_str));
        expression
    }

    /// The expression for what is in an account, or in one conversation of it, or comes from one role.
    pub fn in_account(
        &self,
        account: AccountId,
        conversation: Option<ConversationId>,
        role: Option<MessageRole>,
    ) -> String {
        let account = account.to_string();
        let conversation = conversation.map(|id| id.to_string());
        let scope = [
            Some(suffix(&account)),
            conversation.as_deref().map(suffix),
            role.map(MessageRole::as_str),
        ];
        self.expression(scope.into_iter().flatten())
    }
}

/// An id without its prefix: one word for the index.
pub fn suffix(id: &str) -> &str {
    id.rsplit_once('_').map_or(id, |(_, suffix)| suffix)
}

/// Writes `column : ("a" AND "b")`. Each term is a string of FTS5, in which only the quotation mark has a meaning.
fn conjunction<'a>(
    expression: &mut String,
    column: &str,
    terms: impl IntoIterator<Item = &'a str>,
) {
    for (n, term) in terms.into_iter().enumerate() {
        let before = if n == 0 { "(" } else { " AND " };
        let term = term.replace('"', "\"\"");
        // Writing to a String cannot fail.
        let _ = if n == 0 {
            write!(expression, "{column} : {before}\"{term}\"")
        } else {
            write!(expression, "{before}\"{term}\"")
        };
    }
    expression.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, terms: &[&str]) {
        let expected = (!terms.is_empty())
            .then(|| SearchQuery(terms.iter().copied().map(str::to_owned).collect()));
        assert_eq!(SearchQuery::parse(text), expected, "{text:?}");
    }

    #[test]
    fn what_has_no_word_asks_for_nothing() {
        for text in ["", " ", "\"", "\"\"", "* ( ) : ^ - +", "🦀", "\0", "\" - \""] {
            check(text, &[]);
        }
    }

    #[test]
    fn words_and_phrases_are_terms_and_operators_are_words() {
        check("one two", &["one", "two"]);
        check("one AND NOT two*", &["one", "AND", "NOT", "two*"]);
        check("say \"hello world\" twice", &["say", "hello world", "twice"]);
        check("\"open end", &["open end"]);
        check("a\"b\"c", &["a", "b", "c"]);
        check("text:x {scope}", &["text:x", "{scope}"]);
        check("a\0b", &["a b"]);
        assert_eq!(SearchQuery::parse(&"a ".repeat(100)).unwrap().0.len(), QUERY_TERMS_MAX);
    }

    #[test]
    fn an_expression_is_strings_and_nothing_else() {
        let query = SearchQuery(vec!["a\"b".to_owned(), "c) OR (d".to_owned()]);
        assert_eq!(
            query.expression(["x", "y"]),
            r#"scope : ("x" AND "y") AND text : ("a""b" AND "c) OR (d")"#
        );
    }
}
