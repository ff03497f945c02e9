use hrana::{HranaError, Limits, Stmt, Value};
use testing::{HranaOptions, HranaServer};

use crate::{client_with, create_user};

async fn guarded() -> HranaServer {
    HranaServer::start(HranaOptions { tokens: true, ..HranaOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let (server, other) = (guarded().await, guarded().await);
    let foreign = other.token().unwrap();
    let forged = format!("{}x", server.token().unwrap());
    for token in [None, Some(""), Some("nonsense"), Some(&*foreign), Some(&*forged)] {
        let client = client_with(&server, token, Limits::default());
        let outcome = client.execute("SELECT 1", vec![]).await;
        assert!(matches!(outcome, Err(HranaError::Unauthorized { .. })), "{token:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_no_header_value_is_never_sent() {
    let server = guarded().await;
    let client = client_with(&server, Some("a\nb"), Limits::default());
    let error = client.execute("SELECT 1", vec![]).await.unwrap_err();
    assert!(!error.is_unavailable() && !error.may_have_executed(), "{error:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_read_only_token_reads_and_does_not_write() {
    let server = guarded().await;
    let writer = client_with(&server, Some(&server.token().unwrap()), Limits::default());
    create_user(&writer).await;
    let insert = || Stmt::new("INSERT INTO user (email) VALUES (?1)").bind("a@example.com");
    writer.batch(vec![insert()]).await.unwrap();

    let token = server.read_only_token().unwrap();
    let reader = client_with(&server, Some(&token), Limits::default());
    let rows = reader.batch(vec![Stmt::new("SELECT count(*) FROM user")]).await.unwrap();
    assert_eq!(rows[0].rows, [[Value::Integer(1)]]);
    for outcome in [
        reader.execute("DELETE FROM user", vec![]).await.map(drop),
        reader.execute("PRAGMA user_version = 7", vec![]).await.map(drop),
        reader.batch(vec![insert()]).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(HranaError::Forbidden { .. })), "{outcome:?}");
    }
    let rows = writer.execute("SELECT count(*) FROM user", vec![]).await.unwrap();
    assert_eq!(rows.rows, [[Value::Integer(1)]]);
}
