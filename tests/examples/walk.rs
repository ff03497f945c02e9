//! Walks every documented operation of any running server: `walk URL [options]`.
//!
//! The server must reach the provider, and the mails and the identity provider only where they are given:
//!
//! - `--provider URL`: the origin of a provider of models and tools; without it the walk starts its own at `--listen ADDRESS`, by
//!   default 127.0.0.1:4010, which the server's `egress_allow` has to open.
//! - `--admin EMAIL:PASSWORD`: an administrator of the platform, or `--without-admin`.
//! - `--mails FILE`: where the mailer `log` writes, or `--without-mails`.
//! - `--identity ADDRESS`: where the walk starts the identity provider that the server's `oidc_providers` names, or `--without-identity`.
//!   The value of that variable is printed.
//!
//! The exit status is 1 when an operation was not walked that none of the options excuses, or anything else was at fault.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people")]

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use e2e::Provider;
use e2e::walk::{self, IdentityProvider, Need, Options};

const USAGE: &str = "usage: walk URL [--provider URL | --listen ADDRESS] [--admin EMAIL:PASSWORD | --without-admin] \
    [--mails FILE | --without-mails] [--identity ADDRESS | --without-identity]";

#[derive(Debug, Default)]
struct Arguments {
    server: Option<SocketAddr>,
    listen: Option<SocketAddr>,
    identity: Option<SocketAddr>,
    options: Options,
    excused: Vec<Need>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--without-admin" => parsed.excused.push(Need::Admin),
                "--without-mails" => parsed.excused.push(Need::Mails),
                "--without-identity" => parsed.excused.push(Need::Identity),
                "--provider" => {
                    let origin = arguments.next()?;
                    origin.trim_end_matches('/').clone_into(&mut parsed.options.provider);
                }
                "--listen" => parsed.listen = Some(arguments.next()?.parse().ok()?),
                "--identity" => parsed.identity = Some(arguments.next()?.parse().ok()?),
                "--mails" => parsed.options.mails = Some(arguments.next()?.into()),
                "--admin" => {
                    let (email, password) = arguments
                        .next()?
                        .split_once(':')
                        .map(|(email, password)| (email.to_owned(), password.to_owned()))?;
                    parsed.options.admin = Some((email, password));
                }
                url => {
                    let authority = url.trim_start_matches("http://").trim_end_matches('/');
                    parsed.server = Some(authority.to_socket_addrs().ok()?.next()?);
                }
            }
        }
        Some(parsed)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let Some(Arguments { server: Some(server), listen, identity, mut options, excused }) =
        arguments
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut provider = None;
    if options.provider.is_empty() {
        let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4010)));
        let own = Provider::listen(listen, Duration::ZERO).await;
        println!("provider: {} (the server's egress_allow has to open it)", own.origin());
        options.provider = own.origin();
        provider = Some(own);
    }
    if let Some(address) = identity {
        let identity = IdentityProvider::listen(address).await;
        println!("oidc_providers: {}", identity.variable());
        options.identity = Some(identity);
    }
    let mut report = walk::walk(server, options).await;
    report.require_all(&excused);
    println!("{report}");
    drop(provider);
    if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
