//! A sans-IO client for Hrana 3, libSQL over HTTP.
