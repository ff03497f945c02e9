//! Text with `{{ variable }}` in it.

use std::fmt;

use crate::variables::{Resolved, Variables};

/// Text in which `{{ name }}` stands for the value of an application variable.
///
/// As in Spin there is no escape: `{{` always opens an expression, and a value that itself contains
/// `{{` is inserted as it is. Spaces around the name do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// Why text is not a template, or why a template has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{{` is never closed; close it with `}}}}`")]
    Unclosed,
    #[error("the variable `{0}` is not declared; declare it under [variables]")]
    UnknownVariable(String),
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`TemplateError::Unclosed`] when a `{{` has no `}}`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, expression)) = rest.split_once("{{") {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, after) = expression.split_once("}}").ok_or(TemplateError::Unclosed)?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether the text contains no variable.
    pub fn is_literal(&self) -> bool {
        self.names().next().is_none()
    }

    /// The variables that the text mentions, in order, with repetitions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// The text with every variable replaced. It is secret when one of the variables is.
    ///
    /// # Errors
    /// [`TemplateError::UnknownVariable`]; never for the templates of the manifest that `variables`
    /// was resolved from.
    pub fn render(&self, variables: &Variables) -> Result<Resolved, TemplateError> {
        self.render_with(|name| variables.get(name))
    }

    pub(crate) fn render_with<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v Resolved>,
    ) -> Result<Resolved, TemplateError> {
        let mut text = String::new();
        let mut secret = false;
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => {
                    let value =
                        value(name).ok_or_else(|| TemplateError::UnknownVariable(name.clone()))?;
                    secret |= value.is_secret();
                    text.push_str(value.as_str());
                }
            }
        }
        Ok(Resolved::new(text, secret))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(literal) => f.write_str(literal),
            Part::Variable(name) => write!(f, "{{{{ {name} }}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn variable(name: &str) -> Part {
        Part::Variable(name.to_owned())
    }

    #[test]
    fn text_is_split_at_the_braces() {
        for (text, parts) in [
            ("", vec![]),
            ("plain", vec![literal("plain")]),
            ("{{a}}", vec![variable("a")]),
            (
                "https://{{ host }}:443",
                vec![literal("https://"), variable("host"), literal(":443")],
            ),
            ("{{ a }}{{b}}", vec![variable("a"), variable("b")]),
            ("{ a }", vec![literal("{ a }")]),
            ("a }} b", vec![literal("a }} b")]),
            ("{{{{ a }}", vec![variable("{{ a")]),
            ("{{ a }}}", vec![variable("a"), literal("}")]),
        ] {
            assert_eq!(Template::parse(text), Ok(Template { parts }), "{text}");
        }
    }

    #[test]
    fn an_open_expression_is_refused() {
        for text in ["{{", "a {{ b", "{{ a }} {{ b }", "{{ a {{ b"] {
            assert_eq!(Template::parse(text), Err(TemplateError::Unclosed), "{text}");
        }
    }

    #[test]
    fn display_gives_back_the_template_and_no_value() {
        let template = Template::parse("a{{x}}b{{  y }}").unwrap();
        assert_eq!(template.to_string(), "a{{ x }}b{{ y }}");
    }
}
