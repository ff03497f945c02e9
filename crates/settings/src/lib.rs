//! A typed view of the application's variables, read once.
