//! The rules for passwords at each length that SECURITY R1 names, and on what a list and a context refuse (R3).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use credentials::{HashParameters, Password, PasswordError, PasswordPolicy, Verdict};
use credentials::{hash_password, verify_password};

/// A password of so many code points, in which nothing repeats for long.
fn of_chars(count: usize, piece: &str) -> Password {
    Password::new(piece.chars().cycle().take(count).collect())
}

#[test]
fn lengths_are_counted_in_code_points_whatever_they_look_like() {
    for piece in [
        "kX9#mQ2$vL7!e",
        "é漢🦀ñ9ßøЖ٣ह!αK",
        "e\u{301}a\u{308}o\u{302}u\u{30a}k9!Q7",
        "k\0X\u{7f}9\u{1}#mQ2",
    ] {
        for (chars_min, count, expected) in [
            (15, 7, Err(PasswordError::TooShort { chars_min: 15 })),
            (15, 8, Err(PasswordError::TooShort { chars_min: 15 })),
            (15, 14, Err(PasswordError::TooShort { chars_min: 15 })),
            (15, 15, Ok(())),
            (15, 64, Ok(())),
            (15, 256, Ok(())),
            (15, 257, Err(PasswordError::TooLong)),
            (8, 7, Err(PasswordError::TooShort { chars_min: 8 })),
            (8, 8, Ok(())),
        ] {
            let policy = PasswordPolicy { chars_min };
            let password = of_chars(count, piece);
            assert_eq!(policy.check(&password, &[]), expected, "{piece:?} {count}");
        }
    }
}

#[test]
fn a_lone_surrogate_is_no_text_and_so_no_password() {
    for json in [r#""\ud800 correct horse battery""#, r#""correct\udfff horse""#, "[]", "null", "7"]
    {
        assert!(serde_json::from_str::<Password>(json).is_err(), "{json}");
    }
    assert!(serde_json::from_str::<Password>(r#""🦀 \u0000 is fine""#).is_ok());
}

#[test]
fn passwords_that_differ_in_anything_are_different() {
    let current = HashParameters::recommended().unwrap();
    let long = "x".repeat(72);
    for (one, other) in [
        ("Correct horse", "correct horse"),
        ("correct horse", "correct horse "),
        (" correct horse", "correct horse"),
        ("caf\u{e9} horse", "cafe\u{301} horse"),
        ("correct\0horse", "correct\0house"),
        ("correct\0", "correct"),
        (&format!("{long}a"), &format!("{long}b")),
        (&format!("{long}a"), &long),
    ] {
        let password = |text: &str| Password::new(text.to_owned());
        let hash = hash_password(&password(one), [7; 16], &current).unwrap();
        let verdict = |text| verify_password(&password(text), &hash, &current).unwrap();
        assert_eq!(verdict(other), Verdict::Wrong, "{one:?} {other:?}");
        assert!(matches!(verdict(one), Verdict::Right { .. }), "{one:?}");
    }
}
