//! S3 as the Python package moto plays it, which checks signatures with AWS's own code.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ambient::Clock;
use egress::{Egress, Limits, Request, Target, UrlPolicy};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sigv4::{Credentials, Payload, Scope};

pub const BUCKET: &str = "chunks";
pub const REGION: &str = "eu-central-1";

/// The program `moto_server`.
const PROGRAM: &str = "S3_TEST_MOTO";

/// How many requests are answered whoever asks: those that make the user, what it may do, and its key.
const UNSIGNED: &str = "3";

/// A running moto with an empty bucket.
pub struct Moto {
    child: Child,
    pub address: SocketAddr,
    pub key_id: String,
    pub secret: String,
}

impl Moto {
    /// `None` where nobody installed it.
    pub async fn start() -> Option<Self> {
        let program = std::env::var_os(PROGRAM)?;
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", UNSIGNED)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut moto = Self { child, address, key_id: String::new(), secret: String::new() };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                moto.make_user().await;
                let made = moto.call(Method::PUT, &format!("/{BUCKET}"), "", CONFIGURATION).await;
                assert_eq!(made.0, 200, "{}", made.1);
                return Some(moto);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto does not listen");
    }

    /// The keys of all objects, in order.
    pub async fn keys(&self) -> Vec<String> {
        let (status, text) =
            self.call(Method::GET, &format!("/{BUCKET}"), "list-type=2&max-keys=1000", "").await;
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("<IsTruncated>false</IsTruncated>"), "{text}");
        let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        keys.map(str::to_owned).collect()
    }

    /// Someone who may do everything with S3, and nothing else.
    async fn make_user(&mut self) {
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        for action in [
            "Action=CreateUser".to_owned(),
            format!("Action=PutUserPolicy&PolicyName=s3&PolicyDocument={policy}"),
        ] {
            self.iam(&action).await;
        }
        let made = self.iam("Action=CreateAccessKey").await;
        let value = |name: &str| {
            let (_, rest) = made.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        (self.key_id, self.secret) = (value("AccessKeyId"), value("SecretAccessKey"));
    }

    async fn iam(&self, action: &str) -> String {
        let form = "application/x-www-form-urlencoded";
        let body = format!("{action}&UserName=selvage&Version=2010-05-08");
        let request = Request::post(self.target("/"), form, body);
        // Only the service is read from it.
        let credential = "AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let request = request.with_secret(http::header::AUTHORIZATION, credential).unwrap();
        let response = Egress::new().unwrap().send(request, Limits::default()).await.unwrap();
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert_eq!(response.status, 200, "{action}: {text}");
        text
    }

    async fn call(&self, method: Method, path: &str, query: &str, body: &str) -> (u16, String) {
        let target = self.target(&format!("{path}?{query}"));
        let signed = sigv4::sign(
            &Credentials::new(self.key_id.clone(), self.secret.clone(), None),
            Scope { region: REGION, service: "s3" },
            &sigv4::Request {
                method: method.as_str(),
                host: target.authority(),
                path: target.path(),
                query: target.query(),
                headers: &[],
                payload: Payload::Bytes(body.as_bytes()),
            },
            Clock::system().now(),
        );
        let headers = signed.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let headers: HeaderMap = headers.collect();
        let request = Request { method, target, headers, body: body.to_owned().into() };
        let response = Egress::new().unwrap().send(request, Limits::default()).await.unwrap();
        (response.status.as_u16(), String::from_utf8_lossy(&response.body).into_owned())
    }

    fn target(&self, path: &str) -> Target {
        let policy: UrlPolicy = "http://127.0.0.1:*".parse().unwrap();
        policy.check(&format!("http://{}{path}", self.address)).unwrap()
    }
}

const CONFIGURATION: &str = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
