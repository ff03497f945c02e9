use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::{Password, bcrypt_hash};

/// Bounds on hashes from the database or an import: what lies beyond is not computed, because it would cost too much.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const ITERATIONS_MAX: u32 = 10;
const PARALLELISM_MAX: u32 = 4;

/// PHC strings of Argon2 have about 100 characters.
const HASH_BYTES_MAX: usize = 256;

/// The OWASP password storage cheat sheet's equivalent minimums: memory in KiB and iterations.
const FLOORS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// What hashing a password costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashParameters(Params);

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    /// Right; `is_outdated` when the hash was made in another way and should be replaced by one of this password, `is_truncated` when it
    /// covers the beginning of this password alone, so that the person has to choose another.
    Right {
        is_outdated: bool,
        is_truncated: bool,
    },
}

/// Why hashing or verifying was not possible.
#[derive(Debug, thiserror::Error)]
pub enum PasswordHashError {
    #[error("the parameters are weaker than every minimum of OWASP, e.g. 19456 KiB, 2 iterations")]
    TooWeak,
    /// The stored text is no hash that we verify, or one beyond the bounds.
    #[error("the stored hash is not one that can be verified")]
    Unusable,
    #[error("the password could not be hashed")]
    Failed(#[source] password_hash::Error),
}

impl HashParameters {
    /// Parameters of Argon2id, version 19, with a tag of 32 bytes.
    ///
    /// # Errors
    /// [`PasswordHashError::TooWeak`] below the floor, [`PasswordHashError::Unusable`] beyond what is verified.
    pub fn new(
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
    ) -> Result<Self, PasswordHashError> {
        let is_enough =
            FLOORS.iter().any(|(memory, times)| *memory <= memory_kib && *times <= iterations);
        if !is_enough || parallelism < 1 {
            return Err(PasswordHashError::TooWeak);
        }
        let params =
            Params::new(memory_kib, iterations, parallelism, Some(Params::DEFAULT_OUTPUT_LEN))
                .map_err(|_| PasswordHashError::Unusable)?;
        if is_beyond_bounds(&params) { Err(PasswordHashError::Unusable) } else { Ok(Self(params)) }
    }

    /// 19 MiB, two iterations, one lane: about 75 ms in a component.
    ///
    /// # Errors
    /// None in practice: these parameters are on the floor and not below.
    pub fn recommended() -> Result<Self, PasswordHashError> {
        Self::new(19_456, 2, 1)
    }

    fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone())
    }
}

/// The PHC string of a password with this salt.
///
/// # Errors
/// [`PasswordHashError::Failed`] when there is no memory for it.
pub fn hash_password(
    password: &Password,
    salt: [u8; 16],
    parameters: &HashParameters,
) -> Result<String, PasswordHashError> {
    parameters
        .hasher()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(PasswordHashError::Failed)
}

/// Compares a password with a stored hash, in constant time once computed.
///
/// # Errors
/// [`PasswordHashError::Unusable`] when the hash is malformed or beyond the bounds; it never panics.
pub fn verify_password(
    password: &Password,
    stored: &str,
    current: &HashParameters,
) -> Result<Verdict, PasswordHashError> {
    let unusable = |_| PasswordHashError::Unusable;
    if HASH_BYTES_MAX < stored.len() || !stored.is_ascii() {
        return Err(PasswordHashError::Unusable);
    }
    if bcrypt_hash::is_bcrypt(stored) {
        // bcrypt has not looked at what lies beyond its limit: a new hash would bind the person to a suffix that nobody checked.
        let is_truncated = bcrypt_hash::PASSWORD_BYTES_MAX < password.as_bytes().len();
        let right = Verdict::Right { is_outdated: !is_truncated, is_truncated };
        let is_right = bcrypt_hash::verify(password.as_bytes(), stored)?;
        return Ok(if is_right { right } else { Verdict::Wrong });
    }
    let hash = PasswordHash::new(stored).map_err(|_| PasswordHashError::Unusable)?;
    let algorithm =
        Algorithm::new(hash.algorithm.as_str()).map_err(|_| PasswordHashError::Unusable)?;
    let params = Params::try_from(&hash).map_err(unusable)?;
    if is_beyond_bounds(&params) || hash.salt.is_none() || hash.hash.is_none() {
        return Err(PasswordHashError::Unusable);
    }
    match current.hasher().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(Verdict::Right {
            is_outdated: algorithm != Algorithm::Argon2id || params != current.0,
            is_truncated: false,
        }),
        Err(password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(_) => Err(PasswordHashError::Unusable),
    }
}

/// Does the work of a verification and forgets the result: the answer for a person who does not exist takes as long as any other.
///
/// # Errors
/// As [`hash_password`].
pub fn spend_a_verification(
    password: &Password,
    parameters: &HashParameters,
) -> Result<(), PasswordHashError> {
    hash_password(password, [0; 16], parameters).map(drop)
}

fn is_beyond_bounds(params: &Params) -> bool {
    MEMORY_KIB_MAX < params.m_cost()
        || ITERATIONS_MAX < params.t_cost()
        || PARALLELISM_MAX < params.p_cost()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn parameters_below_the_floor_or_beyond_the_bounds_are_refused() {
        for (memory, iterations) in FLOORS {
            HashParameters::new(memory, iterations, 1).unwrap();
            let weaker = HashParameters::new(memory - 1, iterations, 1);
            assert!(matches!(weaker, Err(PasswordHashError::TooWeak)), "{memory} {iterations}");
        }
        for (memory, iterations, lanes) in
            [(65_537, 2, 1), (19_456, 11, 1), (19_456, 2, 5), (u32::MAX, u32::MAX, u32::MAX)]
        {
            let beyond = HashParameters::new(memory, iterations, lanes);
            assert!(matches!(beyond, Err(PasswordHashError::Unusable)), "{memory} {iterations}");
        }
        assert!(HashParameters::new(19_456, 2, 0).is_err());
    }

    #[test]
    fn a_hash_names_its_parameters_and_fits_its_password_alone() {
        let current = HashParameters::recommended().unwrap();
        let hash = hash_password(&password("Correct horse é "), [7; 16], &current).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verdict = |text| verify_password(&password(text), &hash, &current).unwrap();
        assert_eq!(
            verdict("Correct horse é "),
            Verdict::Right { is_outdated: false, is_truncated: false }
        );
        for other in ["Correct horse é", "correct horse é ", "Correct horse e\u{301} ", ""] {
            assert_eq!(verdict(other), Verdict::Wrong, "{other:?}");
        }
    }

    #[test]
    fn passwords_that_differ_only_far_behind_are_different() {
        let current = HashParameters::recommended().unwrap();
        let (a, b) = ("x".repeat(72) + "a", "x".repeat(72) + "b");
        let hash = hash_password(&password(&a), [7; 16], &current).unwrap();
        assert_eq!(verify_password(&password(&b), &hash, &current).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn hashes_of_other_parameters_verify_and_are_outdated() {
        // From the reference implementation: echo -n "password" | argon2 somesalt -t 2 -m 16 -p 1 -id
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let current = HashParameters::recommended().unwrap();
        assert_eq!(
            verify_password(&password("password"), hash, &current).unwrap(),
            Verdict::Right { is_outdated: true, is_truncated: false }
        );
    }

    #[test]
    fn bcrypt_verifies_and_is_outdated_as_far_as_it_looked_at_the_password() {
        let current = HashParameters::recommended().unwrap();
        let verdict = |text: &str, hash: &str| verify_password(&password(text), hash, &current);
        let hash = "$2b$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
        assert_eq!(
            verdict("abc", hash).unwrap(),
            Verdict::Right { is_outdated: true, is_truncated: false }
        );
        assert_eq!(verdict("abc ", hash).unwrap(), Verdict::Wrong);
        let hash = bcrypt::hash_with_salt("x".repeat(72), 4, [7; 16]).unwrap().to_string();
        let exact = verdict(&"x".repeat(72), &hash).unwrap();
        assert_eq!(exact, Verdict::Right { is_outdated: true, is_truncated: false });
        let longer = verdict(&"x".repeat(73), &hash).unwrap();
        assert_eq!(longer, Verdict::Right { is_outdated: false, is_truncated: true });
    }

    #[test]
    fn a_hash_that_is_none_or_would_cost_too_much_is_unusable() {
        let current = HashParameters::recommended().unwrap();
        let tail = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hostile = [
            String::new(),
            "password".to_owned(),
            "é".repeat(30),
            "$".repeat(60),
            "$argon2id$".to_owned() + &"9".repeat(300),
            "$argon2id$v=19$m=19456,t=2,p=1$".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$".to_owned(),
            format!("$argon2id$v=19$m=4294967295,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=65537,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=19456,t=11,p=1${tail}"),
            format!("$argon2id$v=19$m=19456,t=2,p=5${tail}"),
            format!("$argon2id$v=99$m=19456,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=1,t=2,p=1${tail}"),
            format!("$argon9$v=19$m=19456,t=2,p=1${tail}"),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
            "$2b$31$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe".to_owned(),
        ];
        for hash in hostile {
            let outcome = verify_password(&password("password"), &hash, &current);
            assert!(matches!(outcome, Err(PasswordHashError::Unusable)), "{hash}: {outcome:?}");
        }
    }

    /// What an import may bring: hashes of the right length in which anything may stand, also in the middle of a character. None may trap
    /// (RUSTSEC-2026-0199); the seed is fixed, and each text is printed when it fails.
    #[test]
    fn no_text_in_place_of_a_hash_is_a_trap() {
        const ROUNDS: u64 = 20_000;
        let current = HashParameters::recommended().unwrap();
        let entropy = ambient::Entropy::sequence(199);
        let stems = [
            "$2b$04$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            "$2y$15$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            "$argon2id$v=19$m=99999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ];
        let strange = ['é', '漢', '🦀', '\u{0}', '\u{7f}', '$', '=', ',', '-', '\u{301}', '9', 'A'];
        for round in 0..ROUNDS {
            let dice = entropy.bytes::<8>().unwrap().map(usize::from);
            let mut chars: Vec<char> = stems[dice[0] % stems.len()].chars().collect();
            for pair in dice[1..].chunks_exact(2).take(1 + dice[7] % 3) {
                let at = pair[0] % chars.len();
                chars[at] = strange[pair[1] % strange.len()];
            }
            // Always one that no hash has, so that none is computed by chance.
            let last = chars.len() - 1;
            chars[last] = strange[dice[6] % 6];
            let mut text: String = chars.into_iter().collect();
            if dice[5] % 2 == 0 {
                text.truncate(text.floor_char_boundary(59));
                text.push_str(&"x".repeat(59 - text.len()));
                text.push('\u{7f}');
            }
            let outcome = verify_password(&password("password"), &text, &current);
            assert!(matches!(outcome, Err(PasswordHashError::Unusable)), "{round} {text:?}");
        }
    }
}
