//! Links that give a file to whoever has them, for a while: the permission is in the link, and nothing is kept.

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ids::{AccountId, FileId};
use keyring::{Keyring, Purpose, RootKey};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How long such a text may be: several times what one needs.
const BYTES_MAX: usize = 256;

/// Which file may be read, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    pub account: AccountId,
    pub file: FileId,
    /// Whole seconds since 1970.
    pub until: u64,
}

impl Permission {
    /// The permission as a segment of a path.
    pub fn sign(&self, keyring: &Keyring) -> String {
        let text = self.to_text();
        let code = code(keyring.current(), &text).finalize().into_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(code))
    }

    /// Reads what [`Permission::sign`] made with any key of the ring and whose time is not over; `None` for everything else.
    pub fn read(text: &str, keyring: &Keyring, now: UnixMillis) -> Option<Self> {
        let (signed, code_text) = text.rsplit_once('.').filter(|_| text.len() <= BYTES_MAX)?;
        let given = URL_SAFE_NO_PAD.decode(code_text).ok()?;
        keyring.iter().find(|key| code(key, signed).verify_slice(&given).is_ok())?;
        let mut fields = signed.split('.');
        let permission = Self {
            until: fields.next()?.parse().ok()?,
            account: fields.next()?.parse().ok()?,
            file: fields.next()?.parse().ok()?,
        };
        (now.as_seconds() < permission.until).then_some(permission)
    }

    fn to_text(self) -> String {
        format!("{}.{}.{}", self.until, self.account, self.file)
    }
}

/// Compared in constant time.
fn code(key: &RootKey, text: &str) -> Hmac<Sha256> {
    // HMAC fills a short key up to a block with zeros (RFC 2104 section 2). Done here, nothing is left that could fail.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key.derive(Purpose::SignedUrl).iter()).for_each(|(to, from)| *to = *from);
    let mut code = Hmac::<Sha256>::new(&(*block).into());
    code.update(text.as_bytes());
    code
}

#[cfg(test)]
mod tests {
    use testing::{MASTER_KEY, NOW, OTHER_MASTER_KEY};

    use super::*;

    const PERMISSION: &str = "acct_01h455vb4pex5vsknk084sn02q";

    fn permission() -> Permission {
        Permission {
            account: PERMISSION.parse().unwrap(),
            file: "file_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            until: NOW.as_seconds() + 60,
        }
    }

    #[test]
    fn what_was_not_signed_here_or_is_over_permits_nothing() {
        let ring: Keyring = MASTER_KEY.parse().unwrap();
        let text = permission().sign(&ring);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(other) = String::from_utf8(bytes) {
                assert_eq!(Permission::read(&other, &ring, NOW), None, "{other}");
            }
            assert_eq!(Permission::read(&text[..at], &ring, NOW), None);
        }
        for other in ["", ".", "...", &format!("{text}."), &format!("{text}.{}", "x".repeat(300))] {
            assert_eq!(Permission::read(other, &ring, NOW), None, "{other}");
        }
        let foreign: Keyring = OTHER_MASTER_KEY.parse().unwrap();
        assert_eq!(Permission::read(&text, &foreign, NOW), None);
        assert_eq!(Permission::read(&text, &ring, UnixMillis(NOW.0 + 60_000)), None);
    }

    #[test]
    fn a_link_is_good_until_its_time_and_while_the_root_key_is_replaced() {
        let ring: Keyring = MASTER_KEY.parse().unwrap();
        let text = permission().sign(&ring);
        let rotated: Keyring = format!("2:{OTHER_MASTER_KEY},1:{MASTER_KEY}").parse().unwrap();
        for (ring, at) in [(&ring, NOW), (&ring, UnixMillis(NOW.0 + 59_000)), (&rotated, NOW)] {
            assert_eq!(Permission::read(&text, ring, at), Some(permission()));
        }
    }
}
