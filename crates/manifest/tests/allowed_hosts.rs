//! `allowed_outbound_hosts`: what each form of entry allows.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;

use manifest::{AllowedHosts, Manifest, Variables, service_chaining_target};
use url::Url;

fn check(entry: &str, allowed: &[&str], denied: &[&str]) {
    let hosts = AllowedHosts::parse(&[entry]).unwrap_or_else(|error| panic!("{entry}: {error}"));
    for (urls, expected) in [(allowed, true), (denied, false)] {
        for url in urls {
            assert_eq!(hosts.allows(&Url::parse(url).unwrap()), expected, "{entry}: {url}");
        }
    }
}

#[test]
fn nothing_is_allowed_without_an_entry() {
    let hosts = AllowedHosts::default();
    assert!(hosts.is_empty());
    assert!(!hosts.allows(&Url::parse("http://example.com").unwrap()));
    assert!(!hosts.allows_own_address("http"));
}

#[test]
fn an_entry_allows_its_scheme_host_and_port() {
    check(
        "https://example.com",
        &[
            "https://example.com",
            "https://example.com:443/x?y",
            "https://EXAMPLE.com",
            "https://u:p@example.com",
        ],
        &[
            "http://example.com",
            "https://example.com:444",
            "https://a.example.com",
            "https://example.com.evil.org",
            "https://evil.org/example.com",
            "https://example.com@evil.org",
            "wss://example.com",
        ],
    );
    check(
        "http://example.com:8080",
        &["http://example.com:8080"],
        &["http://example.com", "http://example.com:80"],
    );
    check("http://example.com:8080/", &["http://example.com:8080/x"], &["http://example.com"]);
    check(
        "http://example.com:*",
        &["http://example.com", "http://example.com:1"],
        &["https://example.com"],
    );
    check(
        "http://example.com:8000..8002",
        &["http://example.com:8000", "http://example.com:8001"],
        &["http://example.com:7999", "http://example.com:8002", "http://example.com"],
    );
    check(
        "*://example.com:443",
        &["https://example.com", "x://example.com:443"],
        &["http://example.com"],
    );
    check(
        "*://example.com:*",
        &["https://example.com", "ftp://example.com"],
        &["https://example.org"],
    );
    check("HTTPS://Example.COM:443", &["https://example.com"], &["http://example.com"]);
    check(
        "https://münchen.example",
        &["https://xn--mnchen-3ya.example", "https://münchen.example"],
        &["https://munchen.example"],
    );
    check("redis://cache", &["redis://cache:6379", "redis://cache"], &["redis://cache:6380"]);
}

#[test]
fn wildcards_stand_for_subdomains_or_for_everything() {
    check(
        "https://*.example.com",
        &["https://a.example.com", "https://a.b.example.com", "https://A.Example.Com"],
        &[
            "https://example.com",
            "https://aexample.com",
            "http://a.example.com",
            "https://a.example.com:444",
            "https://1.2.3.4",
        ],
    );
    check(
        "https://*",
        &["https://x.org", "https://1.2.3.4", "https://[::1]", "https://a.spin.internal"],
        &["http://x.org", "https://x.org:1"],
    );
    check("*://*:*", &["http://x", "https://1.2.3.4:5", "ftp://[::1]"], &[]);
    check("http://*:8000..9000", &["http://x:8999"], &["http://x:9000"]);
}

#[test]
fn addresses_and_networks_match_literal_addresses_only() {
    check(
        "http://127.0.0.1:3000",
        &["http://127.0.0.1:3000", "http://0x7f.1:3000", "http://2130706433:3000"],
        &["http://localhost:3000"],
    );
    check(
        "http://10.0.0.0/8",
        &["http://10.9.9.9"],
        &[
            "http://11.0.0.0",
            "http://10.example.com",
            "https://10.9.9.9",
            "http://[::ffff:10.9.9.9]",
        ],
    );
    check("http://10.1.2.3/8:*", &["http://10.9.9.9:5"], &["http://11.1.2.3:5"]);
    check(
        "http://[::1]",
        &["http://[::1]", "http://[0:0::1]:80"],
        &["http://[::2]", "http://[::1]:81"],
    );
    check("http://[::1]:8000..9000", &["http://[::1]:8500"], &["http://[::1]"]);
    check(
        "http://2001:db8::/32",
        &["http://[2001:db8::1]"],
        &["http://[2001:db9::1]", "http://[2001:db8::1]:81"],
    );
    check("http://2001:db8::/32:443", &["http://[2001:db8::1]:443"], &["http://[2001:db8::1]"]);
}

#[test]
fn relative_urls_need_self_or_everything() {
    for (entry, http, https) in [
        ("http://self", true, false),
        ("https://self", false, true),
        ("*://self:*", true, true),
        ("http://self.alt", true, false),
        ("http://*", true, false),
        ("*://*:*", true, true),
        ("http://example.com", false, false),
        ("http://*.example.com", false, false),
    ] {
        let hosts = AllowedHosts::parse(&[entry]).unwrap();
        assert_eq!(hosts.allows_own_address("http"), http, "{entry}");
        assert_eq!(hosts.allows_own_address("https"), https, "{entry}");
    }
    check("http://self", &[], &["http://self", "http://self.alt", "http://127.0.0.1"]);
}

#[test]
fn service_chaining_is_a_host_like_others() {
    check(
        "http://a.spin.internal",
        &["http://a.spin.internal"],
        &["http://b.spin.internal", "https://a.spin.internal"],
    );
    let components = BTreeMap::from(["first", "second"].map(|id| (id.to_owned(), id)));
    let hosts =
        AllowedHosts::parse(&["http://*.spin.internal"]).unwrap().with_components(&components);
    for (url, expected) in [
        ("http://first.spin.internal/x", true),
        ("http://second.spin.internal", true),
        ("http://third.spin.internal", false),
        ("http://spin.internal", false),
        ("http://a.first.spin.internal", false),
    ] {
        assert_eq!(hosts.allows(&Url::parse(url).unwrap()), expected, "{url}");
    }
    assert_eq!(service_chaining_target("auth.spin.internal"), Some("auth"));
    for host in [
        "spin.internal",
        ".spin.internal",
        "a.b.spin.internal",
        "auth.spin.internal.org",
        "auth.spin.internal:80",
    ] {
        assert_eq!(service_chaining_target(host), None, "{host}");
    }
}

#[test]
fn entries_that_are_none_are_refused() {
    for entry in [
        "",
        "*",
        ":",
        "?",
        "example.com",
        "example.com:8080",
        "[::1]",
        "://x",
        "h2c://x",
        "{http,https}://x",
        "ftp://x",
        "*://x",
        "http://",
        "http://x:notaport",
        "http://x:99999",
        "http://x:8080..70000",
        "http://x:8080..",
        "http://x:..9",
        "http://x:9..9",
        "http://x:9..8",
        "http://x:80:90",
        "http://x/path",
        "http://x:80/path",
        "http://x//",
        "http://self//",
        "http://self:x",
        "http://*:x",
        "http://*.",
        "http://*.:80",
        "http://*.*.x",
        "http://a*.x",
        "http://x.*",
        "http://*.127.0.0.1",
        "http://*.[::1]",
        "http://[::1",
        "http://[::1]x",
        "http://[::1]/x",
        "http://[::1]::80",
        "http://ff00::/8/x",
        "http://10.0.0.0/24/x",
        "http://exa[mple.com",
        "http://exa\\mple.com",
        "http://example%GG.com",
        "http://a b",
        "http://{a,b}",
        "insecure:allow-all",
    ] {
        let error = AllowedHosts::parse(&[entry]).expect_err(entry).to_string();
        assert!(error.contains("; ") && !error.contains('\n'), "{error}");
    }
}

const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "x"
variables = { host = { default = "" }, whole = { default = "" }, key = { default = "", secret = true } }
trigger.http = [{ route = "/...", component = "c" }]
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["https://{{ host }}", "{{ whole }}", "https://{{ key }}", "https://fixed.org"]
"#;

fn of_component(values: &[(&str, &str)]) -> Result<AllowedHosts, String> {
    let manifest = Manifest::parse(Path::new("spin.toml"), MANIFEST).unwrap();
    let overrides =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let variables = Variables::resolve(&manifest, &[], &overrides).unwrap();
    let component = manifest.components.get("c").unwrap();
    AllowedHosts::of_component(component, &variables).map_err(|error| error.to_string())
}

#[test]
fn templates_are_filled_in_and_empty_ones_left_out() {
    let hosts = of_component(&[]).unwrap();
    assert_eq!(hosts, AllowedHosts::parse(&["https://fixed.org"]).unwrap());
    let hosts =
        of_component(&[("host", "api.example.com:8443"), ("whole", "http://*.example.org")])
            .unwrap();
    let expected = ["https://api.example.com:8443", "http://*.example.org", "https://fixed.org"];
    assert_eq!(hosts, AllowedHosts::parse(&expected).unwrap());
}

#[test]
fn a_bad_value_is_not_shown() {
    let error = of_component(&[("key", "hunter2/secret path")]).unwrap_err();
    assert_eq!(
        error,
        "the template `https://{{ key }}` does not give a valid host with the present values of its variables; correct them"
    );
}
