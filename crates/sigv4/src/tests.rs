//! The examples of AWS: its signing test suite, and those in the documentation of S3.

use super::*;

const EMPTY: Request<'_> = Request {
    method: "GET",
    host: "example.amazonaws.com",
    path: "/",
    query: "",
    headers: &[],
    payload: Payload::Bytes(b""),
};

fn signature(headers: &[Header]) -> &str {
    let authorization = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
    authorization.1.rsplit('=').next().unwrap()
}

/// The suite signs for `service` in `us-east-1`, at 2015-08-30T12:36:00Z.
fn suite(request: &Request<'_>, session_token: Option<&str>) -> Vec<Header> {
    let credentials = Credentials::new(
        "AKIDEXAMPLE".to_owned(),
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token.map(str::to_owned),
    );
    let scope = Scope { region: "us-east-1", service: "service" };
    sign(&credentials, scope, request, UnixMillis(1_440_938_160_000))
}

#[test]
fn the_signing_test_suite_is_signed_as_aws_signs_it() {
    let form = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", "13"),
        (
            "x-amz-content-sha256",
            "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
        ),
    ];
    let padded = [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
    for (request, expected) in [
        (EMPTY, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            Request { query: "Param2=value2&Param1=value1", ..EMPTY },
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Request { path: "/ሴ", ..EMPTY },
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            Request { query: "ሴ=bar", ..EMPTY },
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            Request { query: "%E1%88%B4=b%61r", ..EMPTY },
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            Request { headers: &padded, ..EMPTY },
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            Request {
                method: "POST",
                headers: &form,
                payload: Payload::Bytes(b"Param1=value1"),
                ..EMPTY
            },
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ] {
        assert_eq!(signature(&suite(&request, None)), expected, "{request:?}");
    }
}

#[test]
fn a_session_token_is_signed_and_sent() {
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    let headers = suite(&EMPTY, Some(token));
    assert_eq!(
        signature(&headers),
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    );
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["x-amz-date", "x-amz-security-token", "authorization"]);
    assert_eq!(headers[0].1.as_str(), "20150830T123600Z");
    assert!(headers[2].1.starts_with(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
    ));
}

#[test]
fn the_examples_of_s3_are_signed_as_its_documentation_has_them() {
    let credentials = Credentials::new(
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        None,
    );
    let s3 = Request { host: "examplebucket.s3.amazonaws.com", ..EMPTY };
    let range = [("Range", "bytes=0-9")];
    let stored =
        [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    let welcome = Payload::Bytes(b"Welcome to Amazon S3.");
    for (request, expected) in [
        (
            Request { path: "/test.txt", headers: &range, ..s3 },
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request {
                method: "PUT",
                path: "/test%24file.text",
                headers: &stored,
                payload: welcome,
                ..s3
            },
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Request { query: "lifecycle", ..s3 },
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Request { query: "prefix=J&max-keys=2", ..s3 },
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let scope = Scope { region: "us-east-1", service: "s3" };
        let headers = sign(&credentials, scope, &request, UnixMillis(1_369_353_600_000));
        assert_eq!(signature(&headers), expected, "{request:?}");
        let digest = &headers.iter().find(|(name, _)| *name == "x-amz-content-sha256").unwrap().1;
        assert_eq!(digest.as_str(), request.payload.digest());
    }
}

#[test]
fn a_body_that_is_not_signed_says_so() {
    assert_eq!(Payload::Unsigned.digest(), "UNSIGNED-PAYLOAD");
}

#[test]
fn nothing_of_a_secret_is_printed() {
    let credentials = Credentials::new("id".into(), "hunter2".into(), Some("hunter3".into()));
    assert_eq!(format!("{credentials:?}"), r#"Credentials { access_key_id: "id", .. }"#);
}
