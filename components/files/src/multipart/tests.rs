use futures::stream;

use super::*;

const BODY: &[u8] = b"preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--x y \t\r\n\
    content-type: text/plain\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\" C:\\d.txt\"\r\n\r\n\
    \r\n--x\r\n--x \r\n\r\n--x y\r\ncontent-disposition: form-data; name=empty\r\n\r\n\r\n--x y--\r\nepilogue";

fn headers(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())])
}

fn open(pieces: Vec<&[u8]>) -> Multipart {
    let pieces: Vec<_> =
        pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = Body::from_stream(stream::iter(pieces));
    Multipart::new(&headers("multipart/form-data; boundary=\"x y\""), body).unwrap()
}

type Parts = Vec<(PartHead, Vec<u8>)>;

async fn read(mut multipart: Multipart) -> Result<Parts, MultipartError> {
    let mut parts = Vec::new();
    while let Some(head) = multipart.next_part().await? {
        let mut content = Vec::new();
        while let Some(bytes) = multipart.next_bytes().await? {
            content.extend_from_slice(&bytes);
        }
        parts.push((head, content));
    }
    Ok(parts)
}

fn part(headers: &str, content: &str) -> Vec<u8> {
    format!("--x y\r\n{headers}\r\n\r\n{content}\r\n").into_bytes()
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a",
        "text/plain; b=c",
    ] {
        let opened = Multipart::new(&headers(content_type), Body::empty());
        assert_eq!(opened.err(), Some(MultipartError::NoBoundary), "{content_type}");
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(BOUNDARY_BYTES_MAX + 1));
    assert!(Multipart::new(&headers(&long), Body::empty()).is_err());
    for (headers, expected) in [
        ("content-type: text/plain", MultipartError::Malformed),
        ("content-disposition: attachment; name=a", MultipartError::Malformed),
        ("content-disposition: form-data", MultipartError::Malformed),
        ("content-disposition: form-data; name=\"a", MultipartError::Malformed),
        ("content-disposition: form-data; name=a\r\nno header", MultipartError::Malformed),
        (
            "content-disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b",
            MultipartError::Malformed,
        ),
        (
            "content-disposition: form-data; name=a\r\ncontent-transfer-encoding: base64",
            MultipartError::Malformed,
        ),
        ("content-disposition: form-data; name=\"a\nb\"", MultipartError::Malformed),
        ("content-disposition: form-data; name=\"a\0b\"", MultipartError::Malformed),
    ] {
        let body = [part(headers, "one"), b"--x y--".to_vec()].concat();
        assert_eq!(read(open(vec![&body])).await, Err(expected), "{headers}");
    }
    assert_eq!(read(open(vec![b"--x yz\r\n\r\n"])).await, Err(MultipartError::Malformed));
    assert_eq!(read(open(vec![b"nothing at all"])).await, Err(MultipartError::Broken));
}

#[tokio::test]
async fn parts_headers_and_preamble_are_limited() {
    let one = part("content-disposition: form-data; name=a", "one");
    let many = |count: u32| [one.repeat(count as usize), b"--x y--".to_vec()].concat();
    assert_eq!(read(open(vec![&many(PARTS_MAX)])).await.unwrap().len(), 20);
    assert_eq!(read(open(vec![&many(PARTS_MAX + 1)])).await, Err(MultipartError::TooManyParts));
    let with = |length: usize| {
        let known = "content-disposition: form-data; name=a\r\nx: ";
        let headers = format!("{known}{}", "x".repeat(length - known.len()));
        [part(&headers, "one"), b"--x y--".to_vec()].concat()
    };
    assert!(read(open(vec![&with(HEADERS_BYTES_MAX)])).await.is_ok());
    assert_eq!(
        read(open(vec![&with(HEADERS_BYTES_MAX + 1)])).await,
        Err(MultipartError::HeadersTooLong)
    );
    let endless = [b"--x y\r\n".to_vec(), vec![b'a'; 1024 * 1024]].concat();
    assert_eq!(read(open(vec![&endless])).await, Err(MultipartError::HeadersTooLong));
    assert_eq!(read(open(vec![&vec![b'a'; 1024 * 1024]])).await, Err(MultipartError::Malformed));
    let mut multipart = open(vec![&one, b"--x y--"]);
    multipart.next_part().await.unwrap();
    assert_eq!(multipart.text(2).await, Err(MultipartError::FieldTooLong));
}

#[tokio::test]
async fn a_body_reads_the_same_wherever_it_is_cut_and_broken_off_it_is_an_error() {
    let whole = read(open(vec![BODY])).await.unwrap();
    let names: Vec<_> = whole.iter().map(|(head, _)| head.name.as_str()).collect();
    assert_eq!(names, ["a", "file", "empty"]);
    let contents: Vec<_> = whole.iter().map(|(_, content)| content.as_slice()).collect();
    assert_eq!(contents, [&b"one"[..], b"\r\n--x\r\n--x \r\n", b""]);
    assert_eq!(whole[1].0.file_name.as_deref(), Some("a \"b\" C:\\d.txt"));
    assert_eq!(whole[1].0.media_type.as_deref(), Some("text/plain"));
    let last = memchr::memmem::rfind(BODY, b"--\r\nepilogue").unwrap() + 2;
    for cut in 0..BODY.len() {
        let (front, back) = BODY.split_at(cut);
        assert_eq!(read(open(vec![front, back])).await.unwrap(), whole, "{cut}");
        if cut < last {
            assert_eq!(read(open(vec![front])).await, Err(MultipartError::Broken), "{cut}");
        }
    }
    let bytes: Vec<_> = BODY.chunks(1).collect();
    assert_eq!(read(open(bytes)).await.unwrap(), whole);
}

#[tokio::test]
async fn what_was_not_read_of_a_part_is_skipped() {
    let mut multipart = open(vec![BODY]);
    let mut names = Vec::new();
    while let Some(head) = multipart.next_part().await.unwrap() {
        names.push(head.name);
    }
    assert_eq!(names, ["a", "file", "empty"]);
    assert_eq!(multipart.next_part().await, Ok(None));
    assert_eq!(multipart.next_bytes().await, Ok(None));
}

/// Random bytes around delimiters, cut at random: what was put in comes out, or an error, and never a panic.
#[tokio::test]
async fn random_contents_come_back_and_random_bodies_do_no_harm() {
    const WORDS: [&[u8]; 8] = [b"\r\n", b"--", b"--x", b"\r\n--x ", b"y", b"\r", b"\n", b"words"];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % sides
    };
    for _ in 0..2_000 {
        let content: Vec<u8> = (0..roll(20)).flat_map(|_| WORDS[roll(8)].to_vec()).collect();
        let mut body = part("content-disposition: form-data; name=a", "");
        body.truncate(body.len() - 2);
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n--x y--");
        let is_ambiguous =
            memchr::memmem::find(&[b"\r\n", content.as_slice(), b"\r\n"].concat(), b"\r\n--x y")
                .is_some();
        let pieces: Vec<_> = body.chunks(1 + roll(40)).collect();
        let read_back = read(open(pieces)).await;
        if !is_ambiguous {
            assert_eq!(read_back.unwrap()[0].1, content, "{:?}", String::from_utf8_lossy(&content));
        }
        let noise: Vec<u8> = (0..roll(60)).flat_map(|_| WORDS[roll(8)].to_vec()).collect();
        drop(read(open(vec![&noise])).await);
        let at = roll(body.len());
        body[at] ^= 1 << roll(8);
        drop(read(open(vec![&body])).await);
    }
}
