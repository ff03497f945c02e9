use std::fmt;

use zeroize::Zeroizing;

/// An access key. Its secrets print as nothing and are erased when dropped.
#[derive(Clone)]
pub struct Credentials {
    /// Its public name.
    pub access_key_id: String,
    secret: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// A key; temporary ones have a session token.
    pub fn new(access_key_id: String, secret: String, session_token: Option<String>) -> Self {
        let session_token = session_token.map(Zeroizing::new);
        Self { access_key_id, secret: Zeroizing::new(secret), session_token }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
