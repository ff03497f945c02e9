//! Accounts and sign-in: sign-up, login, published keys, health.
