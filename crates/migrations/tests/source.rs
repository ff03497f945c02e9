//! What the build script accepts and refuses.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::path::Path;

#[path = "../build/source.rs"]
mod source;

fn statements(text: &str) -> Vec<String> {
    source::split(Path::new("0001_a.up.sql"), text).unwrap()
}

fn refusal(text: &str) -> String {
    source::split(Path::new("0001_a.up.sql"), text).unwrap_err().to_string()
}

/// Reads a directory of these files, each holding one harmless statement.
fn read(names: &[&str]) -> Result<Vec<source::Source>, String> {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(directory.path().join(name), "CREATE TABLE t (a) STRICT;\n").unwrap();
    }
    let prefix = format!("{}/", directory.path().display());
    source::read(directory.path()).map_err(|error| error.to_string().replace(&prefix, ""))
}

#[test]
fn transaction_control_and_connection_settings_are_refused() {
    for statement in [
        "BEGIN",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "PRAGMA foreign_keys = OFF",
        "ATTACH 'other.db' AS other",
        "DETACH other",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "EXPLAIN SELECT 1",
        "CREATE TEMP TABLE t (a)",
    ] {
        let text = format!("CREATE TABLE t (a);\n{statement};\n");
        let refusal = refusal(&text);
        assert!(refusal.starts_with("0001_a.up.sql:2:"), "{statement}: {refusal}");
    }
}

#[test]
fn broken_sql_is_refused_where_it_breaks() {
    let typing_error = refusal("CREATE TABLE t (a);\nCREATE TABEL u (a);");
    assert!(typing_error.starts_with("0001_a.up.sql:2:"), "{typing_error}");
    assert!(typing_error.contains("TABEL"), "{typing_error}");
    assert!(refusal("CREATE TABLE t (a);\n'open").starts_with("0001_a.up.sql:2:"));
    assert!(refusal("CREATE TABLE t (a)\n").contains("has no semicolon"));
    assert_eq!(refusal("-- nothing\n"), "0001_a.up.sql: holds no statement");
    assert!(
        refusal("CREATE TABLE t (a);;\nCREATE TABLE u (a);").contains("one semicolon too many")
    );
}

#[test]
fn a_trigger_is_one_statement() {
    let trigger = "CREATE TRIGGER count_up AFTER INSERT ON message BEGIN\n    \
        UPDATE conversation SET n = n + 1 WHERE id = NEW.conversation_id; -- one; two\n    \
        SELECT CASE WHEN NEW.n < 0 THEN RAISE(ABORT, 'negative;') END;\nEND";
    let text = format!("CREATE TABLE t (a);\n{trigger};\nDROP TABLE t;\n");
    assert_eq!(statements(&text), ["CREATE TABLE t (a)", trigger, "DROP TABLE t"]);
}

#[test]
fn full_text_tables_and_quoted_semicolons_are_one_statement() {
    let table = "CREATE VIRTUAL TABLE search USING fts5(title, body, content='', tokenize=\"unicode61 remove_diacritics 2\")";
    let insert = "INSERT INTO t VALUES ('a;b', \"c;d\", X'3B')";
    assert_eq!(statements(&format!("{table};{insert};")), [table, insert]);
}

#[test]
fn comments_between_statements_are_dropped_and_those_inside_stay() {
    let text = "-- The first; with a semicolon.\n/* And\n another; */ CREATE TABLE t (\n    a -- why\n) ; -- after\n\n-- last\nDROP TABLE t;\n-- end\n";
    assert_eq!(statements(text), ["CREATE TABLE t (\n    a -- why\n)", "DROP TABLE t"]);
}

#[test]
fn letters_beyond_ascii_do_not_shift_the_split() {
    let text = "INSERT INTO t VALUES ('žluťoučký 🐎'); -- ünd;\nDROP TABLE t;";
    assert_eq!(statements(text), ["INSERT INTO t VALUES ('žluťoučký 🐎')", "DROP TABLE t"]);
}

#[test]
fn numbers_have_no_gaps_and_both_halves_exist() {
    let complete = ["0001_a.up.sql", "0001_a.down.sql", "0002_b_c.up.sql", "0002_b_c.down.sql"];
    let sources = read(&complete).unwrap();
    assert_eq!(
        sources.iter().map(|source| (source.version, source.name.as_str())).collect::<Vec<_>>(),
        [(1, "a"), (2, "b_c")]
    );
    assert_eq!(
        read(&["0002_b.up.sql", "0002_b.down.sql"]).unwrap_err(),
        "0002_b.up.sql: has number 0002 where 0001 is next"
    );
    assert_eq!(
        read(&["0001_a.up.sql"]).unwrap_err(),
        "0001_a.up.sql: has no counterpart: each migration has up and down"
    );
    assert_eq!(
        read(&["0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql", "0001_b.down.sql"])
            .unwrap_err(),
        "0001_b.up.sql: has number 0001 where 0002 is next"
    );
    for name in ["1_a.up.sql", "0001_A.up.sql", "0001.up.sql", "0001_a.sql", "0001_a.up.sql.orig"] {
        assert!(read(&[name]).unwrap_err().contains("is not named"), "{name}");
    }
    assert_eq!(read(&["README.md"]).unwrap(), []);
}

#[test]
fn line_ends_do_not_change_the_checksum_and_edits_do() {
    let checksum = |text: &str| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("0001_a.up.sql"), text).unwrap();
        fs::write(directory.path().join("0001_a.down.sql"), "DROP TABLE t;").unwrap();
        source::read(directory.path()).unwrap().remove(0).checksum
    };
    let unix = checksum("CREATE TABLE t (\n  a\n);\n");
    assert_eq!(unix, checksum("CREATE TABLE t (\r\n  a\r\n);\r\n"));
    assert_ne!(unix, checksum("CREATE TABLE t (\n  b\n);\n"));
    assert_eq!(unix.len(), 64);
}
