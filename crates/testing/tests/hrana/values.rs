use hrana::{HranaError, Value};

use crate::{client, server};

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was_bound() {
    let server = server().await;
    let client = client(&server);
    for value in [
        Value::Null,
        Value::Integer(0),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        // Above 2^53, where a number in JSON would lose digits.
        Value::Integer(9_007_199_254_740_993),
        Value::Real(0.1),
        Value::Real(f64::MAX),
        Value::Real(f64::MIN_POSITIVE),
        Value::Real(5e-324),
        Value::Text(String::new()),
        Value::from("a\0b"),
        Value::from("\u{1f9f5} \"quoted\" \\ \r\n é"),
        Value::Blob(vec![]),
        Value::Blob(vec![0]),
        Value::Blob((0..=255).cycle().take(1_000_000).collect()),
    ] {
        let result = client.execute("SELECT ?1 AS value", vec![value.clone()]).await.unwrap();
        assert_eq!(result.columns, ["value"]);
        assert!(result.rows == [[value.clone()]], "{value:?}");
    }
}

#[tokio::test]
async fn not_a_number_is_stored_as_null_on_every_backend() {
    let server = server().await;
    let result = client(&server).execute("SELECT ?1", vec![Value::Real(f64::NAN)]).await.unwrap();
    assert_eq!(result.rows, [[Value::Null]]);
}

#[tokio::test]
async fn infinity_has_no_form_in_json_and_is_an_error_in_both_directions() {
    let server = server().await;
    let client = client(&server);
    let sent = client.execute("SELECT ?1", vec![Value::Real(f64::INFINITY)]).await;
    assert!(matches!(sent, Err(HranaError::Invalid { .. })));
    assert_eq!(server.requests(), 0);
    let received = client.execute("SELECT 9e999", vec![]).await;
    assert!(matches!(received, Err(HranaError::Protocol { .. })), "{received:?}");
}

#[tokio::test]
async fn real_numbers_keep_every_bit() {
    let server = server().await;
    let client = client(&server);
    // Bit patterns spread over the whole range by multiplication with an odd constant.
    let numbers: Vec<f64> = (1..2000_u64)
        .map(|n| f64::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .filter(|number| number.is_finite())
        .collect();
    for numbers in numbers.chunks(500) {
        let sql = format!("VALUES {}", vec!["(?)"; numbers.len()].join(", "));
        let args = numbers.iter().copied().map(Value::Real).collect();
        let result = client.execute(sql, args).await.unwrap();
        for (number, row) in numbers.iter().zip(&result.rows) {
            let Value::Real(back) = row[0] else { panic!("{number:e} came back as {row:?}") };
            assert_eq!(back.to_bits(), number.to_bits(), "{number:e}");
        }
    }
}

#[tokio::test]
async fn a_statement_without_rows_gives_its_columns_only() {
    let server = server().await;
    let result = client(&server).execute("SELECT 1 AS a, 2 AS b WHERE 0", vec![]).await.unwrap();
    assert_eq!(result.columns, ["a", "b"]);
    assert!(result.rows.is_empty());
}
