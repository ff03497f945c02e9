//! bcrypt, which passwords from other systems come with. It is verified and replaced, never made.

use crate::password_hash::PasswordHashError;

/// Cheaper ones are not worth the name, dearer ones would hold a core for seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// bcrypt looks at no more than this of a password.
pub(crate) const PASSWORD_BYTES_MAX: usize = 72;

/// Whether a stored text begins as a bcrypt hash does.
pub(crate) fn is_bcrypt(stored: &str) -> bool {
    stored.starts_with("$2")
}

/// Compares a password with a hash of the forms `$2a$`, `$2b$` and `$2y$`, which are computed alike. `$2x$` marks passwords that a broken
/// implementation hashed, and is refused.
pub(crate) fn verify(password: &[u8], stored: &str) -> Result<bool, PasswordHashError> {
    let cost = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| stored.strip_prefix(prefix))
        .and_then(|rest| rest.get(..2))
        // A number would parse with a sign, too.
        .filter(|cost| cost.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|cost| cost.parse::<u32>().ok())
        .filter(|cost| COSTS.contains(cost));
    let is_well_formed = stored.len() == 60
        && stored.bytes().skip(7).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
    if cost.is_none() || !is_well_formed {
        return Err(PasswordHashError::Unusable);
    }
    bcrypt::verify(password, stored).map_err(|_| PasswordHashError::Unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_systems_verify() {
        // The test vectors of OpenBSD and of crypt_blowfish 1.3, of cheap costs.
        for (password, hash) in [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ] {
            assert!(verify(password.as_bytes(), hash).expect(hash), "{password}");
            assert!(!verify(b"other", hash).unwrap(), "{password}");
        }
    }

    #[test]
    fn what_is_no_bcrypt_hash_or_too_dear_is_unusable() {
        let tail = "m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
        for hash in [
            "$2".to_owned(),
            "$2b$".to_owned(),
            "$2b$05$".to_owned(),
            format!("$2x$05${tail}"),
            format!("$2c$05${tail}"),
            format!("$2$05${tail}"),
            format!("$2b$03${tail}"),
            format!("$2b$15${tail}"),
            format!("$2b$31${tail}"),
            format!("$2b$+5${tail}"),
            format!("$2b$5$${tail}"),
            format!("$2b$05${tail}x"),
            format!("$2b$05${}", &tail[1..]),
            format!("$2b$05${}é", &tail[2..]),
            format!("$2b$05${}=", &tail[1..]),
            format!("$2b$é5{tail}"),
            "é".repeat(30),
        ] {
            assert!(matches!(verify(b"x", &hash), Err(PasswordHashError::Unusable)), "{hash}");
        }
    }
}
