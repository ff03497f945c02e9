use serde_json::{Map, Value};

/// What is set on top of what holds otherwise: objects are merged member by member, everything else replaces what is below.
pub fn on_top(mut below: Map<String, Value>, above: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in above {
        let merged = match (below.remove(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => {
                Value::Object(on_top(below, above))
            }
            (_, value) => value,
        };
        below.insert(name, merged);
    }
    below
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(below: Value, above: Value) -> Value {
        let (Value::Object(below), Value::Object(above)) = (below, above) else { panic!() };
        Value::Object(on_top(below, above))
    }

    #[test]
    fn objects_are_merged_and_everything_else_replaces() {
        for (below, above, expected) in [
            (json!({}), json!({}), json!({})),
            (json!({"a": 1}), json!({}), json!({"a": 1})),
            (json!({"a": 1}), json!({"a": null}), json!({"a": null})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"c": 3}}),
                json!({"a": {"b": 1, "c": 3}}),
            ),
            (json!({"a": {"b": 1}}), json!({"a": 7}), json!({"a": 7})),
            (json!({"a": 7}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}})),
        ] {
            assert_eq!(merged(below.clone(), above.clone()), expected, "{below} {above}");
        }
    }
}
