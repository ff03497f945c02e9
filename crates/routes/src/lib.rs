//! Route tables: each route's method, path, access and handler declared in one place.
