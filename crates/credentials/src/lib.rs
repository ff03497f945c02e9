//! Passwords, access tokens and opaque tokens as pure functions.
