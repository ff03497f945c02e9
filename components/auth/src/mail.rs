//! Mails that this component sends.

use std::io::Write as _;

use credentials::OpaqueToken;

/// Writes the mail that invites into an account: a line on standard error, for whoever runs the server to pass on.
pub fn invitation(public_url: &str, to: &str, token: &OpaqueToken) {
    let link = format!("{public_url}/invitations/accept?token={}", token.reveal());
    let line = format!("mail to={to} subject=\"You are invited to an account\" link={link}\n");
    // A log that cannot be written must not end the request.
    drop(std::io::stderr().write_all(line.as_bytes()));
}
