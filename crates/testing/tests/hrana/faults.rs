use std::time::{Duration, Instant};

use futures::future::join;
use hrana::{HranaError, Limits, Stmt, TransportError, Value};
use testing::{Fault, HranaOptions, HranaServer};

use crate::{client, client_with, count_users, create_user, server};

/// Closes the server and lets the client's pool notice that its connections are gone.
async fn go_away(server: &mut HranaServer) {
    server.go_away().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_reported_quickly_and_found_again() {
    let mut server = server().await;
    let client = client(&server);
    create_user(&client).await;
    go_away(&mut server).await;
    for sql in ["SELECT 1", "DELETE FROM user"] {
        let started = Instant::now();
        let error = client.execute(sql, vec![]).await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        let unreachable =
            |source: &TransportError| matches!(source, TransportError::Unreachable { .. });
        assert!(
            matches!(&error, HranaError::Transport { source } if unreachable(source)),
            "{error:?}"
        );
        assert!(!error.may_have_executed());
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    server.come_back().await.unwrap();
    assert_eq!(count_users(&client).await, 0);
}

#[tokio::test]
async fn a_server_that_comes_back_in_time_is_not_noticed() {
    let mut server = server().await;
    let client = client(&server);
    create_user(&client).await;
    go_away(&mut server).await;
    let back = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.come_back().await.unwrap();
    };
    let insert = client.execute("INSERT INTO user (email) VALUES ('a')", vec![]);
    let (outcome, ()) = join(insert, back).await;
    outcome.unwrap();
    assert_eq!(count_users(&client).await, 1);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    for fault in [Fault::DropAfter, Fault::DropBefore] {
        let before = server.requests();
        server.inject(fault);
        let insert = Stmt::new("INSERT INTO user (email) VALUES ('a')");
        let error = client.batch(vec![insert]).await.unwrap_err();
        assert!(error.may_have_executed(), "{fault:?}: {error:?}");
        assert_eq!(server.requests() - before, 1, "{fault:?}");
        // The first was committed before its answer was lost, the second never ran.
        assert_eq!(count_users(&client).await, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_sent_again() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    for fault in [Fault::DropAfter, Fault::DropBefore, Fault::Status(503)] {
        let before = server.requests();
        server.inject(fault);
        assert_eq!(count_users(&client).await, 0);
        assert_eq!(server.requests() - before, 2, "{fault:?}");
    }
    // Three times is enough.
    let before = server.requests();
    (0..3).for_each(|_| server.inject(Fault::Status(503)));
    let error = client.execute("SELECT 1", vec![]).await.unwrap_err();
    assert!(error.is_unavailable());
    assert_eq!(server.requests() - before, 3);
}

#[tokio::test]
async fn an_overloaded_server_is_unavailable_and_a_write_is_not_repeated() {
    let server = server().await;
    let before = server.requests();
    server.inject(Fault::Status(503));
    let error = client(&server).execute("CREATE TABLE t (a)", vec![]).await.unwrap_err();
    assert!(matches!(error, HranaError::Http { status: 503, .. }) && error.is_unavailable());
    assert_eq!(server.requests() - before, 1);
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout() {
    let server = server().await;
    let limits = Limits { time_max: Duration::from_millis(100), ..Limits::default() };
    let client = client_with(&server, None, limits);
    server.inject(Fault::Delay(Duration::from_secs(20)));
    let started = Instant::now();
    let error = client.execute("SELECT 1", vec![]).await.unwrap_err();
    assert_eq!(error, HranaError::Timeout { waited: Duration::from_millis(100) });
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_result_beyond_either_limit_is_an_error() {
    let server = server().await;
    let sql = "SELECT zeroblob(?1)";
    let client = client(&server);
    let error = client.execute(sql, vec![Value::Integer(10_000_001)]).await.unwrap_err();
    let message = "Response is too large".to_owned();
    assert_eq!(error, HranaError::Rejected { code: "RESPONSE_TOO_LARGE".to_owned(), message });

    let limits = Limits { response_bytes_max: 64 * 1024, ..Limits::default() };
    let modest = client_with(&server, None, limits);
    let error = modest.execute(sql, vec![Value::Integer(1_000_000)]).await.unwrap_err();
    assert_eq!(error, HranaError::TooLarge { bytes_max: 64 * 1024 });
    // The connection that was cut off does not disturb the next request.
    modest.execute(sql, vec![Value::Integer(1000)]).await.unwrap();
}

#[tokio::test]
async fn a_batch_whose_result_is_too_large_is_rolled_back() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let statements = vec![
        Stmt::new("INSERT INTO user (email) VALUES ('a')"),
        Stmt::new("SELECT zeroblob(10000001)"),
    ];
    let error = client.batch(statements).await.unwrap_err();
    assert_eq!(error.to_string(), "Response is too large");
    assert_eq!(count_users(&client).await, 0);
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_get_429() {
    let options = HranaOptions { requests_max: 1, ..HranaOptions::default() };
    let server = HranaServer::start(options).await.unwrap();
    let client = client(&server);
    server.inject(Fault::Delay(Duration::from_millis(500)));
    let slow = client.execute("SELECT 1", vec![]);
    let refused = async {
        while server.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client.execute("SELECT 1", vec![]).await
    };
    let (slow, refused) = join(slow, refused).await;
    slow.unwrap();
    let error = refused.unwrap_err();
    assert!(matches!(error, HranaError::Http { status: 429, .. }) && error.is_unavailable());
}

#[tokio::test]
async fn a_cancelled_call_leaves_its_stream_closed() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let mut transaction = client.interactive();
    transaction.execute("BEGIN IMMEDIATE", vec![]).await.unwrap();
    server.inject(Fault::Delay(Duration::from_secs(20)));
    let insert = transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]);
    assert!(tokio::time::timeout(Duration::from_millis(100), insert).await.is_err());
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error, HranaError::StreamClosed);
}
