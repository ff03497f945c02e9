//! What tests share: a migrated database, requests, a Hrana 3 server, redactions.
