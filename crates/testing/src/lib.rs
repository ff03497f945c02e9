//! What tests share: a migrated database, requests, a Hrana 3 server, redactions.

mod hrana_server;

pub use hrana_server::{Fault, HranaOptions, HranaServer};
