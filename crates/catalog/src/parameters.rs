use serde_json::{Map, Value};

use crate::Provider;

/// How many tokens a request may ask for, whatever the model.
const TOKENS_MAX: i64 = 1_000_000;

/// How long one stop sequence may be.
const STOP_CHARS_MAX: usize = 256;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Number(f64, f64),
    Integer(i64, i64),
    Flag,
    OneOf(&'static [&'static str]),
    /// A list of so many short texts.
    Texts(usize),
}

/// A parameter that a provider does not take, or not with this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenParameter {
    pub name: String,
    /// What the rule asks for.
    pub detail: String,
}

type Rules = &'static [(&'static str, Rule)];

const OPENAI: Rules = &[
    ("frequency_penalty", Rule::Number(-2.0, 2.0)),
    ("max_tokens", Rule::Integer(1, TOKENS_MAX)),
    ("parallel_tool_calls", Rule::Flag),
    ("presence_penalty", Rule::Number(-2.0, 2.0)),
    ("reasoning_effort", Rule::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    ("seed", Rule::Integer(i64::MIN, i64::MAX)),
    ("stop", Rule::Texts(4)),
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_p", Rule::Number(0.0, 1.0)),
    ("verbosity", Rule::OneOf(&["low", "medium", "high"])),
];

const ANTHROPIC: Rules = &[
    ("max_tokens", Rule::Integer(1, TOKENS_MAX)),
    ("stop", Rule::Texts(16)),
    ("temperature", Rule::Number(0.0, 1.0)),
    ("top_k", Rule::Integer(0, 1000)),
    ("top_p", Rule::Number(0.0, 1.0)),
];

const GEMINI: Rules = &[
    ("frequency_penalty", Rule::Number(-2.0, 2.0)),
    ("max_tokens", Rule::Integer(1, TOKENS_MAX)),
    ("presence_penalty", Rule::Number(-2.0, 2.0)),
    ("seed", Rule::Integer(i32::MIN as i64, i32::MAX as i64)),
    ("stop", Rule::Texts(5)),
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_k", Rule::Integer(1, 1000)),
    ("top_p", Rule::Number(0.0, 1.0)),
];

const OLLAMA: Rules = &[
    ("frequency_penalty", Rule::Number(-2.0, 2.0)),
    ("max_tokens", Rule::Integer(1, TOKENS_MAX)),
    ("min_p", Rule::Number(0.0, 1.0)),
    ("num_ctx", Rule::Integer(1, 10_000_000)),
    ("presence_penalty", Rule::Number(-2.0, 2.0)),
    ("repeat_penalty", Rule::Number(0.0, 2.0)),
    ("seed", Rule::Integer(i64::MIN, i64::MAX)),
    ("stop", Rule::Texts(16)),
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_k", Rule::Integer(0, 1000)),
    ("top_p", Rule::Number(0.0, 1.0)),
];

const OPENAI_COMPATIBLE: Rules = &[
    ("frequency_penalty", Rule::Number(-2.0, 2.0)),
    ("max_tokens", Rule::Integer(1, TOKENS_MAX)),
    ("min_p", Rule::Number(0.0, 1.0)),
    ("parallel_tool_calls", Rule::Flag),
    ("presence_penalty", Rule::Number(-2.0, 2.0)),
    ("reasoning_effort", Rule::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    ("repetition_penalty", Rule::Number(0.0, 2.0)),
    ("seed", Rule::Integer(i64::MIN, i64::MAX)),
    ("stop", Rule::Texts(16)),
    ("temperature", Rule::Number(0.0, 2.0)),
    ("top_k", Rule::Integer(-1, 1000)),
    ("top_p", Rule::Number(0.0, 1.0)),
];

fn rules(provider: Provider) -> Rules {
    match provider {
        Provider::Openai => OPENAI,
        Provider::Anthropic => ANTHROPIC,
        Provider::Gemini => GEMINI,
        Provider::Ollama => OLLAMA,
        Provider::OpenaiCompatible => OPENAI_COMPATIBLE,
    }
}

/// Everything that is wrong with the parameters of a model of this provider.
pub fn check_parameters(
    provider: Provider,
    parameters: &Map<String, Value>,
) -> Vec<BrokenParameter> {
    let rules = rules(provider);
    let check = |(name, value): (&String, &Value)| {
        let rule = rules.iter().find(|(known, _)| known == name);
        let detail = if let Some((_, rule)) = rule {
            rule.check(value).err()?
        } else {
            let known: Vec<_> = rules.iter().map(|(name, _)| *name).collect();
            format!("{provider} has no such parameter. It has: {}.", known.join(", "))
        };
        Some(BrokenParameter { name: name.clone(), detail })
    };
    parameters.iter().filter_map(check).collect()
}

impl Rule {
    fn check(self, value: &Value) -> Result<(), String> {
        let holds = match self {
            Self::Number(min, max) => value.as_f64().is_some_and(|n| min <= n && n <= max),
            Self::Integer(min, max) => value.as_i64().is_some_and(|n| min <= n && n <= max),
            Self::Flag => value.is_boolean(),
            Self::OneOf(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::Texts(most) => value.as_array().is_some_and(|texts| {
                texts.len() <= most && texts.iter().all(|text| text.as_str().is_some_and(is_stop))
            }),
        };
        if holds { Ok(()) } else { Err(self.sentence()) }
    }

    fn sentence(self) -> String {
        match self {
            Self::Number(min, max) => format!("It must be a number from {min} to {max}."),
            Self::Integer(i64::MIN, i64::MAX) => "It must be an integer.".to_owned(),
            Self::Integer(min, max) => format!("It must be an integer from {min} to {max}."),
            Self::Flag => "It must be true or false.".to_owned(),
            Self::OneOf(names) => format!("It must be one of: {}.", names.join(", ")),
            Self::Texts(most) => {
                format!(
                    "It must be a list of at most {most} texts of 1 to {STOP_CHARS_MAX} characters."
                )
            }
        }
    }
}

fn is_stop(text: &str) -> bool {
    (1..=STOP_CHARS_MAX).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(provider: Provider, parameters: &Value) -> Vec<String> {
        let broken = check_parameters(provider, parameters.as_object().unwrap());
        broken.into_iter().map(|broken| broken.name).collect()
    }

    #[test]
    fn tables_are_sorted_and_name_nothing_twice() {
        for provider in Provider::ALL {
            let names: Vec<_> = rules(provider).iter().map(|(name, _)| *name).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{provider}");
        }
    }

    #[test]
    fn every_bound_holds_and_one_past_it_does_not() {
        for provider in Provider::ALL {
            for (name, rule) in rules(provider) {
                let (fine, bad) = match rule {
                    Rule::Number(min, max) => (
                        vec![json!(min), json!(max)],
                        vec![json!(min - 0.01), json!(max + 0.01), json!("1"), json!(null)],
                    ),
                    Rule::Integer(i64::MIN, i64::MAX) => {
                        (vec![json!(i64::MIN), json!(i64::MAX)], vec![json!(u64::MAX), json!(0.5)])
                    }
                    Rule::Integer(min, max) => (
                        vec![json!(min), json!(max)],
                        vec![json!(min - 1), json!(max + 1), json!(1.5), json!(true)],
                    ),
                    Rule::Flag => (vec![json!(true)], vec![json!(1), json!("true")]),
                    Rule::OneOf(names) => (vec![json!(names[0])], vec![json!("extreme"), json!(1)]),
                    Rule::Texts(most) => (
                        vec![json!([]), json!(vec!["x".repeat(256); *most])],
                        vec![
                            json!(vec!["x"; most + 1]),
                            json!([""]),
                            json!(["x".repeat(257)]),
                            json!("x"),
                            json!([1]),
                        ],
                    ),
                };
                for value in fine {
                    assert_eq!(broken(provider, &json!({*name: value})), [""; 0], "{name}");
                }
                for value in bad {
                    assert_eq!(broken(provider, &json!({*name: value})), [*name], "{value}");
                }
            }
        }
    }

    #[test]
    fn what_a_provider_does_not_know_is_refused() {
        let unknown = [
            "api_base",
            "api_key",
            "base_url",
            "extra_headers",
            "headers",
            "model",
            "n",
            "Temperature",
        ];
        for provider in Provider::ALL {
            for name in unknown {
                assert_eq!(broken(provider, &json!({name: 1})), [name], "{provider}");
            }
        }
        assert_eq!(broken(Provider::Anthropic, &json!({"temperature": 1.5})), ["temperature"]);
        assert_eq!(broken(Provider::Anthropic, &json!({"seed": 1})), ["seed"]);
        assert_eq!(broken(Provider::Openai, &json!({"top_k": 1})), ["top_k"]);
    }
}
