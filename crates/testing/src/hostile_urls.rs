//! URLs that no user may have called, made from classes of hosts and of ways to hide one.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

const HOSTS: &str = include_str!("../data/hostile_hosts.txt");

/// This machine, its networks, and where clouds keep their credentials.
const PRIVATE: [Ipv4Addr; 10] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(127, 255, 255, 254),
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(172, 16, 0, 1),
    Ipv4Addr::new(192, 168, 1, 1),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(198, 18, 0, 1),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::UNSPECIFIED,
];

/// What stands around a host that may be called, so that what is called is another one, or is called in another way.
const DISGUISES: [&str; 46] = [
    "http://api.example.com/",
    "HTTP://api.example.com/",
    "//api.example.com/",
    "/api.example.com/",
    "api.example.com",
    "https:api.example.com",
    "https:/api.example.com/",
    "https:///api.example.com/",
    "https:////api.example.com/",
    "https:\\\\api.example.com/",
    "https://api.example.com\\",
    "https://api.example.com\\@127.0.0.1/",
    "https://127.0.0.1\\@api.example.com/",
    "https://127.0.0.1#@api.example.com/",
    "https://127.0.0.1?@api.example.com/",
    "https://api.example.com@127.0.0.1/",
    "https://api.example.com:443@127.0.0.1/",
    "https://127.0.0.1:443@api.example.com/",
    "https://user:pass@api.example.com/",
    "https://@api.example.com/",
    "https://:@api.example.com/",
    "https://%40api.example.com/",
    "https://api.example.com#",
    "https://api.example.com/#fragment",
    "https://api.example.com:0/",
    "https://api.example.com:22/",
    "https://api.example.com:25/",
    "https://api.example.com:80/",
    "https://api.example.com:6379/",
    "https://api.example.com:65536/",
    "https://api.example.com:-1/",
    "https://api.example.com:443:443/",
    "https://api.example.com:0443/",
    "https://api.example.com:4 43/",
    "https://api.example.com:４４３/",
    "https://api.example.com:/",
    " https://api.example.com/",
    "https://api.example.com/ ",
    "\thttps://api.example.com/",
    "ht\ntps://api.example.com/",
    "https://api.exa\tmple.com/",
    "https://api.example.com/\r\nHost: evil.example",
    "https://api.example.com/%0\n",
    "https://api.example.com/\0",
    "\u{feff}https://api.example.com/",
    "https://api.example.com/\u{202e}",
];

const SCHEMES: [&str; 21] = [
    "http",
    "ftp",
    "ftps",
    "sftp",
    "ws",
    "wss",
    "file",
    "gopher",
    "dict",
    "ldap",
    "tftp",
    "jar",
    "netdoc",
    "data",
    "javascript",
    "blob",
    "about",
    "view-source",
    "git+https",
    "unix",
    "https+unix",
];

/// More than six hundred URLs that no user may have called (SECURITY R67): private hosts in every spelling, and public ones in disguise.
pub fn hostile_urls() -> BTreeSet<String> {
    let hosts = hosts();
    let urls = hosts
        .iter()
        .flat_map(|host| [format!("https://{host}/"), format!("https://{host}:8443/v1?key=x")]);
    let schemes = SCHEMES.iter().map(|scheme| format!("{scheme}://api.example.com/"));
    urls.chain(schemes).chain(DISGUISES.map(str::to_owned)).collect()
}

/// The hosts of the data, with every private address in every spelling.
fn hosts() -> BTreeSet<String> {
    let lines = HOSTS.lines().filter(|line| !line.starts_with('#'));
    let is_class = |line: &str| ["[spelling]", "[address]", "[name]"].contains(&line);
    let (spelled, plain): (Vec<_>, Vec<_>) = lines
        .filter(|line| !is_class(line))
        .partition(|line| line.contains('{') && line.contains('}'));
    let spelled = spelled
        .into_iter()
        .flat_map(|pattern| PRIVATE.iter().map(move |address| spell(pattern, *address)));
    spelled.chain(plain.into_iter().map(str::to_owned)).collect()
}

/// A pattern of the data with an address in it.
fn spell(pattern: &str, address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let dotted = address.to_string();
    let digits = |zero: u32| -> String {
        dotted
            .chars()
            .map(|c| c.to_digit(10).and_then(|digit| char::from_u32(zero + digit)).unwrap_or(c))
            .collect()
    };
    let encoded = dotted.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    // There is no circled zero among the circled digits.
    let circled = digits(0x2460 - 1).replace('\u{245f}', "\u{24ea}");
    [
        ("{dotted}", dotted.clone()),
        ("{decimal}", number.to_string()),
        ("{hex}", format!("0x{number:08x}")),
        ("{hex_upper}", format!("0X{number:08X}")),
        ("{octal}", format!("0{number:o}")),
        ("{octal_long}", format!("{a:#05o}.{b:#05o}.{c:#05o}.{d:#05o}").replace("0o", "00")),
        ("{hex_dotted}", format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}")),
        ("{mixed}", format!("{a:#x}.{b}.0{c:o}.{d}")),
        ("{short}", format!("{a}.{}", number & 0x00ff_ffff)),
        ("{padded}", format!("{a:03}.{b:03}.{c:03}.{d:03}")),
        ("{fullwidth}", digits(0xff10)),
        ("{circled}", circled),
        ("{ideographic_dots}", dotted.replace('.', "。")),
        ("{encoded_dots}", dotted.replace('.', "%2e")),
        ("{encoded_digits}", encoded),
        ("{hex_groups}", format!("{:x}:{:x}", number >> 16, number & 0xffff)),
    ]
    .into_iter()
    .fold(pattern.to_owned(), |text, (name, value)| text.replace(name, &value))
}
