//! Gates over the sources: who may call out, and what may be shown. Each is shown to find what it is there for.
#![expect(clippy::unwrap_used, reason = "test code")]

use e2e::tree::{packages, rust_files, wasm_packages};
use e2e::workspace::root;

/// Crates that may open connections: `hrana` to the database that the operator names, `tls` to nobody by itself, `testing` in tests alone.
const MAY_CALL_OUT: [&str; 4] = ["egress", "hrana", "testing", "tls"];

/// What one calls out with. A package that does not depend on any of them has no way but the host's.
const CLIENT_CRATES: [&str; 14] = [
    "attohttpc",
    "awc",
    "curl",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "isahc",
    "minreq",
    "reqwest",
    "surf",
    "tls",
    "tokio-rustls",
    "ureq",
    "wstd",
];

/// How one does it, spaces left out.
const CALLS: [&str; 13] = [
    "http::send",
    "http::client",
    "http::*",
    "http::get(",
    "http::post(",
    "wasip2::http",
    "wasip3::http",
    "outgoing_handler",
    "hyper::client",
    "client::legacy",
    "TcpStream",
    "UdpSocket",
    "reqwest::",
];

/// Groups of imports that would bring one of them in under a shorter name.
const IMPORTS: [(&str, &[&str]); 5] = [
    ("http::{", &["send", "get", "post", "client"]),
    ("wasip3::{", &["http"]),
    ("wasip2::{", &["http"]),
    ("hyper_util::{", &["client"]),
    ("hyper::{", &["client"]),
];

/// SECURITY R74: what goes out goes through `crates/egress`, which decides where to.
#[test]
fn nothing_but_egress_calls_out() {
    let mut offences = Vec::new();
    for (name, package) in packages() {
        if !["components", "crates", "cli"].contains(&package.folder.as_str())
            || MAY_CALL_OUT.contains(&name.as_str())
        {
            continue;
        }
        let clients = CLIENT_CRATES.iter().filter(|client| package.dependencies.contains(**client));
        offences.extend(clients.map(|client| format!("{name} depends on {client}")));
        for path in rust_files(&package.directory.join("src")) {
            let calls = calls_out(&std::fs::read_to_string(&path).unwrap());
            offences.extend(calls.into_iter().map(|call| format!("{}: {call}", path.display())));
        }
    }
    assert_eq!(offences, [""; 0]);
}

#[test]
fn whoever_called_out_would_be_found() {
    for planted in [
        "let answer = spin_sdk::http::send(request).await;",
        "use spin_sdk::http::{IntoResponse, Request, send};",
        "use spin_sdk::{\n    http::{self, Request},\n};\nhttp::send(request).await",
        "use spin_sdk::http::{\n    Request,\n    send as deliver,\n};",
        "use spin_sdk::http::*;",
        "spin_sdk::wasip3::http::client::send(request)",
        "use spin_sdk::wasip3::{http, spawn};",
        "wasip2::http::outgoing_handler::handle(request, None)",
        "let client = hyper_util::client::legacy::Client::builder(executor);",
        "use hyper_util::{client, rt};",
        "use hyper::client::conn::http1;",
        "std::net::TcpStream::connect(address)",
        "use tokio::net::{TcpListener, TcpStream};",
        "reqwest::get(url).await",
    ] {
        assert_ne!(calls_out(planted), [""; 0], "{planted}");
    }
    for harmless in [
        "use spin_sdk::http::{IntoResponse, Request};",
        "#[spin_sdk::http_service]",
        "use crate::models::http as models;",
        "self.egress.send(request, LIMITS).await",
        "std::net::TcpListener::bind(address)",
        "//! It does not use reqwest.",
    ] {
        assert_eq!(calls_out(harmless), [""; 0], "{harmless}");
    }
}

/// SECURITY R91: what holds a secret neither prints nor serializes by itself.
#[test]
fn what_holds_a_secret_derives_nothing_that_would_show_it() {
    let mut offences = Vec::new();
    for path in ["components", "crates"].iter().flat_map(|folder| rust_files(&root().join(folder)))
    {
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let shown = shown_secrets(&std::fs::read_to_string(&path).unwrap());
        offences.extend(shown.into_iter().map(|name| format!("{}: {name}", path.display())));
    }
    assert_eq!(offences, [""; 0]);
}

#[test]
fn a_secret_that_showed_itself_would_be_found() {
    for planted in [
        "#[derive(Debug)]\npub struct Key(Zeroizing<String>);",
        "#[derive(Clone, Serialize)]\n/// A key.\nstruct Key {\n    id: Id,\n    value: Zeroizing<Vec<u8>>,\n}",
        "#[derive(\n    Clone,\n    PartialEq,\n)]\npub struct Key(pub(crate) zeroize::Zeroizing<[u8; 32]>);",
        "#[derive(Clone, Zeroize, ZeroizeOnDrop, Debug)]\nstruct Key([u8; 32]);",
    ] {
        assert_eq!(shown_secrets(planted), ["Key"], "{planted}");
    }
    for harmless in [
        "#[derive(Clone)]\npub struct Key(Zeroizing<String>);",
        "#[derive(Debug)]\nstruct Id(String);\nstruct Key(Zeroizing<String>);",
        "#[derive(Debug)]\nenum Kind {}\nfn key() -> Zeroizing<String> { todo() }",
    ] {
        assert_eq!(shown_secrets(harmless), [""; 0], "{harmless}");
    }
}

/// Ways in which one task waits for another one, spaces left out.
const WAITS: [&str; 21] = [
    "futures::lock",
    "lock::Mutex",
    "lock::{Mutex",
    "futures::channel",
    "channel::mpsc",
    "channel::oneshot",
    "mpsc::",
    "oneshot::channel",
    "tokio::sync",
    "async_lock",
    "async_channel",
    "event_listener",
    "flume::",
    "OnceCell",
    "AtomicWaker",
    "Condvar",
    "Notify::",
    "Semaphore",
    "future::Shared",
    ".shared()",
    "broadcast::",
];

/// Where one of them is harmless on WebAssembly: the file, and why. An instance serves several requests, and wakes a request only for an
/// event of the host: one that waits for another request ends the whole instance.
const WAITS_WITHIN_A_REQUEST: [(&str, &str); 5] = [
    (
        "components/chat/src/relay.rs",
        "between the body of an answer and the work that the same request has spawned",
    ),
    ("components/chat/src/openai/relay.rs", "between a request and the work that it has spawned"),
    (
        "components/chat/src/openai/completion.rs",
        "reads from the work that the request has spawned",
    ),
    (
        "components/chat/src/openai/responses/passing.rs",
        "reads from the work that the request has spawned",
    ),
    (
        "components/chat/src/anthropic/messages.rs",
        "reads from the work that the request has spawned",
    ),
];

/// No request waits for another one inside an instance.
#[test]
fn no_request_waits_for_another_request() {
    let mut found = Vec::new();
    for package in wasm_packages().into_values() {
        for path in rust_files(&package.directory.join("src")) {
            if !waits(&std::fs::read_to_string(&path).unwrap()).is_empty() {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    let mut excepted = WAITS_WITHIN_A_REQUEST.map(|(file, _)| file);
    excepted.sort_unstable();
    assert_eq!(found, excepted, "a lock, a channel or a cell that another request may hold");
}

#[test]
fn a_wait_for_another_request_would_be_found() {
    assert!(wasm_packages().contains_key("limits"), "crates below components are looked at");
    for planted in [
        "leases: LruCache<String, Arc<futures::lock::Mutex<Option<Lease>>>>",
        "use futures::lock::Mutex;",
        "use futures::{\n    lock::{Mutex, MutexGuard},\n};\nlet guard: lock::MutexGuard",
        "static KEYS: tokio::sync::OnceCell<Keys> = tokio::sync::OnceCell::const_new();",
        "use futures::channel::{mpsc, oneshot};",
        "let fetching = fetch(url).boxed().shared();",
        "waker: AtomicWaker,",
        "let permit = async_lock::Semaphore::new(8).acquire().await;",
    ] {
        assert_ne!(waits(planted), [""; 0], "{planted}");
    }
    for harmless in [
        "leases: Arc<std::sync::Mutex<LruCache<String, Lease>>>",
        "static ROUTER: OnceLock<Router> = OnceLock::new();",
        "// It has no tokio::sync::Mutex.",
        "pub struct SharedMessage {",
    ] {
        assert_eq!(waits(harmless), [""; 0], "{harmless}");
    }
}

/// What in a source text may wait for another task.
fn waits(text: &str) -> Vec<&'static str> {
    let code = code(text);
    WAITS.iter().copied().filter(|wait| code.contains(wait)).collect()
}

/// A source text without comments and spaces.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap())
        .flat_map(str::chars)
        .filter(|letter| !letter.is_whitespace())
        .collect()
}

/// What in a source text opens connections past `crates/egress`.
fn calls_out(text: &str) -> Vec<&'static str> {
    let code = code(text);
    let plain = CALLS.iter().copied().filter(|call| code.contains(call));
    let imported = IMPORTS.iter().filter(|(group, names)| {
        let groups = code.match_indices(group).map(|(start, _)| &code[start + group.len()..]);
        groups.filter_map(|rest| rest.split(['}', ';']).next()).any(|inside| {
            let mut imports = inside.split([',', '{']).map(|name| name.split("as").next().unwrap());
            imports.any(|name| names.contains(&name))
        })
    });
    plain.chain(imported.map(|(group, _)| *group)).collect()
}

/// Names of structs that hold a secret and derive what would show it, or compare it byte by byte.
fn shown_secrets(text: &str) -> Vec<String> {
    const SHOWING: [&str; 5] = ["Debug", "Display", "Serialize", "PartialEq", "Eq"];
    let mut shown = Vec::new();
    for (start, _) in text.match_indices("struct ") {
        let (before, rest) = (&text[..start], &text[start + "struct ".len()..]);
        let body = rest.split(";\n").next().unwrap();
        let body = if body.find('{') < body.find('(') && body.contains('{') {
            rest.split("\n}").next().unwrap()
        } else {
            body
        };
        let Some(derived) = before.rsplit_once("#[derive(").map(|(_, derived)| derived) else {
            continue;
        };
        // What stands between the derive and the struct belongs to the struct unless an item ends there.
        let is_its_own = !derived.contains(['{', ';']);
        let derived = derived.split(")]").next().unwrap();
        let derives: Vec<_> = derived.split(',').map(str::trim).collect();
        let is_secret = body.contains("Zeroizing<") || derives.contains(&"ZeroizeOnDrop");
        if is_its_own && is_secret && derives.iter().any(|derive| SHOWING.contains(derive)) {
            shown.push(rest.split(['(', '{', '<', ' ', ';']).next().unwrap().to_owned());
        }
    }
    shown
}
