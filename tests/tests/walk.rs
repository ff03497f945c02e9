//! Every documented operation at the real server: a success, and its refusals.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::people::PASSWORD;
use e2e::server::Options;
use e2e::walk::{self, IdentityProvider};
use e2e::{Policy, Provider, workspace};

const ADMIN: &str = "admin@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_as_deployed() {
    every_operation(Policy::Deployed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_under_spins_policy() {
    every_operation(Policy::Spin).await;
}

async fn every_operation(policy: Policy) {
    let (state, provider) = (tempfile::tempdir().unwrap(), Provider::start().await);
    let identity = IdentityProvider::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await;
    // The schema is there before the administrator is.
    let options = || {
        Options::as_deployed(state.path(), policy, &provider.origin())
            .arg("--allow-origin")
            .arg(identity.origin())
            .variable("oidc_providers", &identity.variable())
    };
    assert!(options().start().terminate().success());
    create_admin(state.path());
    println!("{}", options().describe());
    let server = options().start();
    let options = walk::Options {
        provider: provider.origin(),
        admin: Some((ADMIN.to_owned(), PASSWORD.to_owned())),
        mails: Some(server.log_path().to_owned()),
        identity: Some(identity),
    };
    let mut report = walk::walk(server.address(), options).await;
    report.require_all(&[]);
    println!("{report}");
    assert_eq!(report.faults, [""; 0]);
    assert_eq!(server.faults(), [""; 0]);
    assert!(server.terminate().success());
    e2e::ledger::check_database(state.path());
}

fn create_admin(state: &Path) {
    let mut command = Command::new(workspace::selvage())
        .args(["admin", "--state-dir"])
        .arg(state)
        .args(["create", ADMIN])
        .current_dir(workspace::root())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(command.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(command.wait().unwrap().success(), "no administrator was made");
}
