use super::*;

fn check(text: &str) -> Result<(), UrlRefused> {
    UrlPolicy::default().check(text).map(drop)
}

#[test]
fn public_names_over_tls_may_be_called() {
    for url in [
        "https://api.example.com",
        "https://api.example.com/v1/models?limit=1",
        "https://API.Example.com:443/",
        "https://api.example.com:8443/",
        "https://xn--bcher-kva.example/",
        "HTTPS://api.example.com/a%2fb",
    ] {
        assert_eq!(check(url), Ok(()), "{url}");
    }
}

#[test]
fn what_is_no_plain_public_https_url_is_refused() {
    use UrlRefused::{Credentials, Fragment, Host, Malformed, Port, Scheme};
    for (url, refused) in [
        ("", Malformed),
        ("api.example.com", Malformed),
        ("https://", Malformed),
        ("https:///etc/passwd", Malformed),
        ("https:api.example.com", Malformed),
        ("https:/api.example.com/", Malformed),
        ("https:\\\\api.example.com", Malformed),
        ("https://api.example.com\\@evil.example/", Malformed),
        ("https://api.example.com/\r\nX: y", Malformed),
        ("https://api.exa mple.com/", Malformed),
        ("https://bücher.example/", Malformed),
        ("https://api.example.com/ü", Malformed),
        ("http://api.example.com/", Scheme),
        ("ftp://api.example.com/", Scheme),
        ("ws://api.example.com/", Scheme),
        ("https://user@api.example.com/", Credentials),
        ("https://:pw@api.example.com/", Credentials),
        ("https://@api.example.com/", Credentials),
        ("https://api.example.com/#x", Fragment),
        ("https://api.example.com/#", Fragment),
        ("https://api.example.com:80/", Port),
        ("https://api.example.com:22/", Port),
        ("https://api.example.com:0/", Port),
        ("https://api.example.com.:443/", Host),
        ("https://api.example.com./", Host),
        ("https://intranet/", Host),
        ("https://x..example.com/", Host),
        ("file:///etc/passwd", Malformed),
        ("data:text/plain,x", Malformed),
        ("javascript:alert(1)", Malformed),
    ] {
        assert_eq!(check(url), Err(refused), "{url}");
    }
    let long = format!("https://api.example.com/{}", "a".repeat(URL_BYTES_MAX));
    assert_eq!(check(&long), Err(Malformed));
}

#[test]
fn addresses_are_refused_however_they_are_written() {
    let addresses = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "8.8.8.8",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fc00::1]",
        "[ff0e::1]",
        "[::127.0.0.1]",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
        "127。0。0。1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127.0.0.1%00.example.com",
        "1.2.3.4.5",
        "0x7f.1",
        "256.256.256.256",
        "1e1.example.0x7f",
    ];
    for address in addresses {
        for form in [format!("https://{address}/"), format!("https://{address}:443/x")] {
            assert!(check(&form).is_err(), "{form}");
        }
    }
}

#[test]
fn names_of_this_machine_and_its_network_are_refused() {
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "db.internal",
        "auth.spin.internal",
        "self.alt",
        "metadata.google.internal",
        "metadata",
        "router.lan",
        "host.docker.internal",
        "kubernetes.default.svc.cluster.local",
        "x.home.arpa",
        "a.corp",
        "127.0.0.1.in-addr.arpa",
        "x.invalid",
        "localhost.localdomain",
    ] {
        assert_eq!(check(&format!("https://{host}/")), Err(UrlRefused::Host), "{host}");
    }
}

#[test]
fn an_operator_opens_single_origins() {
    let policy: UrlPolicy =
        "http://127.0.0.1:11434, https://llm.corp:* ,http://[::1]:8080".parse().unwrap();
    let check = |url| policy.check(url).map(drop);
    for url in [
        "http://127.0.0.1:11434/api/chat",
        "https://llm.corp/v1",
        "https://llm.corp:9000/v1",
        "http://[::1]:8080/",
        "https://api.example.com/",
    ] {
        assert_eq!(check(url), Ok(()), "{url}");
    }
    for url in [
        "http://127.0.0.1/",
        "http://127.0.0.1:11435/",
        "https://127.0.0.1:11434/",
        "http://127.1:11434/",
        "http://2130706433:11434/",
        "http://llm.corp/",
        "https://a.llm.corp/",
        "http://x@127.0.0.1:11434/",
        "http://localhost:11434/",
    ] {
        assert!(check(url).is_err(), "{url}");
    }
    assert_eq!("".parse(), Ok(UrlPolicy::default()));
    for text in ["*", "127.0.0.1", "http://*", "http://a/b", "http://u@a", "ftp://a", "https://*.a"]
    {
        assert!(text.parse::<UrlPolicy>().is_err(), "{text}");
    }
}

#[test]
fn a_target_prints_its_origin_alone() {
    let target = UrlPolicy::default().check("https://api.example.com/hook?key=hunter2").unwrap();
    assert_eq!(format!("{target:?}"), "Target(https://api.example.com)");
    assert_eq!(target.as_str(), "https://api.example.com/hook?key=hunter2");
}

#[test]
fn a_reference_stays_within_the_origin_or_leads_nowhere() {
    let policy: UrlPolicy = "http://127.0.0.1:8080".parse().unwrap();
    let target = policy.check("http://127.0.0.1:8080/mcp/sse?key=1").unwrap();
    for (reference, expected) in [
        ("/messages?session=1", "http://127.0.0.1:8080/messages?session=1"),
        ("messages", "http://127.0.0.1:8080/mcp/messages"),
        ("?a=b", "http://127.0.0.1:8080/mcp/sse?a=b"),
        ("http://127.0.0.1:8080/other", "http://127.0.0.1:8080/other"),
        ("//127.0.0.1:8080/other", "http://127.0.0.1:8080/other"),
    ] {
        let resolved = target.resolve(reference).unwrap();
        assert_eq!(resolved.as_str(), expected, "{reference}");
    }
    for reference in [
        "https://127.0.0.1:8080/",
        "http://127.0.0.1:8081/",
        "http://127.0.0.1/",
        "http://localhost:8080/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "http:\\\\evil.example",
        "http://user@127.0.0.1:8080/",
        "http://:pw@127.0.0.1:8080/",
        "#fragment",
        "/a b",
        "/a\r\nHost: evil.example",
        "/ü",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:,x",
    ] {
        assert_eq!(target.resolve(reference), None, "{reference}");
    }
    assert_eq!(target.resolve(&"a".repeat(URL_BYTES_MAX)), None);
}

#[test]
fn a_url_is_verified_or_not_and_never_either() {
    let policy = || "https://10.0.0.5:8443".parse::<UrlPolicy>().unwrap();
    for text in ["http://lab.example", "lab.example", "*", "https://*.example", "ftp://lab.example"]
    {
        assert_eq!(policy().with_unverified(text), Err(ParseOriginsError), "{text}");
    }
    assert_eq!(policy().with_unverified(" "), Ok(policy()));
    let policy = policy().with_unverified("https://10.0.0.5:8443, https://lab.example:*").unwrap();
    for (url, verified, unverified) in [
        ("https://api.example.com/", Ok(()), Err(UrlRefused::Verified)),
        ("https://lab.example/v1", Err(UrlRefused::Unverified), Ok(())),
        ("https://LAB.example:8443/v1", Err(UrlRefused::Unverified), Ok(())),
        ("https://10.0.0.5:8443/", Err(UrlRefused::Unverified), Ok(())),
        // It opens nothing.
        ("https://lab.example:22/", Err(UrlRefused::Port), Err(UrlRefused::Port)),
        ("http://lab.example/", Err(UrlRefused::Scheme), Err(UrlRefused::Scheme)),
        ("https://10.0.0.5/", Err(UrlRefused::Host), Err(UrlRefused::Host)),
        ("https://a@lab.example/", Err(UrlRefused::Credentials), Err(UrlRefused::Credentials)),
    ] {
        assert_eq!(policy.check(url).map(drop), verified, "{url}");
        assert_eq!(policy.check_unverified(url).map(drop), unverified, "{url}");
    }
    let target = policy.check_unverified("https://lab.example/v1/sse").unwrap();
    let resolved = target.resolve("/v1/messages").unwrap();
    assert_eq!(resolved.certificates(), Certificates::Unverified);
}
