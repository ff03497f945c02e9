//! Black-box tests over HTTP against the built components under the host.
