//! SQLite's five kinds of value, and their form on the wire.

use libsql_hrana::proto;

use crate::HranaError;

/// A value that is bound to a parameter or stands in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    /// NaN is stored as NULL by SQLite, and therefore sent as NULL. JSON has no infinity, so an infinite number
    /// is refused before it is sent.
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub(crate) fn into_wire(self) -> Result<proto::Value, HranaError> {
        Ok(match self {
            Self::Null => proto::Value::Null,
            Self::Integer(value) => proto::Value::Integer { value },
            Self::Real(value) if value.is_nan() => proto::Value::Null,
            Self::Real(value) if value.is_infinite() => {
                return Err(HranaError::Invalid {
                    message: "an infinite number cannot be sent to a remote database".into(),
                });
            }
            Self::Real(value) => proto::Value::Float { value },
            Self::Text(value) => proto::Value::Text { value: value.into() },
            Self::Blob(value) => proto::Value::Blob { value: value.into() },
        })
    }

    pub(crate) fn from_wire(value: proto::Value) -> Result<Self, HranaError> {
        Ok(match value {
            proto::Value::None => return Err(HranaError::protocol("a value without a type")),
            proto::Value::Null => Self::Null,
            proto::Value::Integer { value } => Self::Integer(value),
            proto::Value::Float { value } => Self::Real(value),
            proto::Value::Text { value } => Self::Text(value.as_ref().to_owned()),
            proto::Value::Blob { value } => Self::Blob(value.into()),
        })
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &Value, json: &str) {
        let wire = value.clone().into_wire().unwrap();
        assert_eq!(serde_json::to_string(&wire).unwrap(), json);
        let back = Value::from_wire(serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(&back, value);
    }

    #[test]
    fn every_kind_of_value_has_its_form_on_the_wire() {
        check(&Value::Null, r#"{"type":"null"}"#);
        check(&Value::Integer(i64::MAX), r#"{"type":"integer","value":"9223372036854775807"}"#);
        check(&Value::Integer(i64::MIN), r#"{"type":"integer","value":"-9223372036854775808"}"#);
        check(&Value::Real(-0.5), r#"{"type":"float","value":-0.5}"#);
        check(
            &Value::Real(f64::MIN_POSITIVE),
            r#"{"type":"float","value":2.2250738585072014e-308}"#,
        );
        check(&Value::from("a\0b\"é"), r#"{"type":"text","value":"a\u0000b\"é"}"#);
        check(&Value::Blob(vec![]), r#"{"type":"blob","base64":""}"#);
        check(&Value::Blob(vec![0, 255, 254]), r#"{"type":"blob","base64":"AP/+"}"#);
    }

    #[test]
    fn not_a_number_is_null_and_infinity_is_refused() {
        assert!(matches!(Value::Real(f64::NAN).into_wire(), Ok(proto::Value::Null)));
        assert!(matches!(Value::Real(f64::INFINITY).into_wire(), Err(HranaError::Invalid { .. })));
    }

    #[test]
    fn a_padded_blob_is_read_too() {
        let wire = serde_json::from_str(r#"{"type":"blob","base64":"AA=="}"#).unwrap();
        assert_eq!(Value::from_wire(wire).unwrap(), Value::Blob(vec![0]));
    }
}
