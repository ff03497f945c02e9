//! Whether the time of an answer tells who is here (SECURITY R12): for each flow, how long answers about two kinds of people take.
//!
//! `cargo run -p auth --example timing -- [SAMPLES]` sends the two kinds of requests in turn, one at a time, natively, and prints the medians,
//! how far they are apart, and the p of the Mann-Whitney test, which is small when the two distributions differ. A report and no gate: on a
//! machine that does other things chance alone moves p.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::cast_precision_loss, reason = "numbers to look at")]

use std::error::Error;
use std::time::Instant;

use ambient::{Afterwards, Clock, Entropy};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use settings::{AuthSettings, Variables};
use testing::{Client, MASTER_KEY, Person};
use tower::ServiceExt as _;

type Failure = Box<dyn Error + Send + Sync>;

const PASSWORD: &str = "correct horse battery";
const SAMPLES: usize = 500;
/// Requests of each kind before the first that counts.
const WARM_UP: usize = 10;

/// A flow about two kinds of people: what makes the body of the n-th request of each.
struct Flow {
    name: &'static str,
    path: String,
    token: Option<String>,
    kinds: [fn(usize) -> Value; 2],
}

/// What the samples of a flow say.
struct Verdict {
    medians_ms: [f64; 2],
    p: f64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let samples = std::env::args().nth(1).map_or(Ok(SAMPLES), |argument| argument.parse())?;
    let (app, account, token) = app().await?;
    println!("{samples} + {samples} samples for each flow, in turn, one at a time");
    println!("{:<38} {:>10} {:>10} {:>8} {:>7}", "flow", "first ms", "second ms", "apart", "p");
    for flow in flows(&account, &token) {
        let Verdict { medians_ms: [first, second], p } = measure(&app, &flow, samples).await?;
        let apart = (second / first - 1.0) * 100.0;
        println!("{:<38} {first:>10.3} {second:>10.3} {apart:>+7.2}% {p:>7.3}", flow.name);
    }
    Ok(())
}

/// The component as it runs where addresses must be proven, without limits; a team, and the token of its owner. Somebody else is known.
async fn app() -> Result<(Router, String, String), Failure> {
    let variables: Variables = [
        ("master_key", MASTER_KEY),
        ("mailer", "log"),
        ("require_email_verification", "true"),
        ("limit_login", "off"),
        ("limit_signup", "off"),
        ("limit_mail", "off"),
    ]
    .into_iter()
    .collect();
    let (database, clock) = (testing::database().await, Clock::system());
    let settings = AuthSettings::new(&variables)?;
    let app = auth::router(database.clone(), settings, clock.clone(), Entropy::system())?;
    let body = json!({"email": "known@example.com", "password": PASSWORD});
    send(&app, "/api/auth/signup", None, &body).await?;
    let owner = Person::new(&database, "owner", clock.now()).await;
    let client = Client::new(app.clone()).with_token(&owner.token);
    let team = client.post("/api/accounts", &json!({"name": "Team"})).await;
    let account = team.body.get("id").and_then(Value::as_str).ok_or("there is no team")?;
    Ok((app, account.to_owned(), owner.token))
}

fn flows(account: &str, token: &str) -> Vec<Flow> {
    let public = |name, path: &str, kinds| Flow { name, path: path.to_owned(), token: None, kinds };
    vec![
        public(
            "login: unknown, wrong password",
            "/api/auth/login",
            [
                |_| json!({"login": "nobody@example.com", "password": "wrong"}),
                |_| json!({"login": "known@example.com", "password": "wrong"}),
            ],
        ),
        public(
            "forgot: unknown, known",
            "/api/auth/password/forgot",
            [|_| json!({"email": "nobody@example.com"}), |_| json!({"email": "known@example.com"})],
        ),
        public(
            "sign-up to be proven: new, known",
            "/api/auth/signup",
            [
                |n| json!({"email": format!("new{n}@example.com"), "password": PASSWORD}),
                |_| json!({"email": "known@example.com", "password": PASSWORD}),
            ],
        ),
        public(
            "verify: unknown, malformed token",
            "/api/auth/email/verify",
            [|_| json!({"token": "A".repeat(43)}), |_| json!({"token": "' OR 1=1 --"})],
        ),
        Flow {
            name: "invite: unknown, known",
            path: format!("/api/accounts/{account}/invitations"),
            token: Some(token.to_owned()),
            kinds: [
                |_| json!({"email": "nobody@example.com", "role": "viewer"}),
                |_| json!({"email": "known@example.com", "role": "viewer"}),
            ],
        },
    ]
}

async fn measure(app: &Router, flow: &Flow, samples: usize) -> Result<Verdict, Failure> {
    let mut taken_ms = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    for n in 0..WARM_UP + samples {
        for (kind, taken_ms) in flow.kinds.iter().zip(&mut taken_ms) {
            let ms = send(app, &flow.path, flow.token.as_deref(), &kind(n)).await?;
            if WARM_UP <= n {
                taken_ms.push(ms);
            }
        }
    }
    let [first, second] = &taken_ms;
    let p = mann_whitney(first, second);
    Ok(Verdict { medians_ms: taken_ms.map(median), p })
}

/// Sends a request and gives the milliseconds to its answer; what follows the answer is done, and not counted.
async fn send(app: &Router, path: &str, token: Option<&str>, body: &Value) -> Result<f64, Failure> {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_string()))?;
    let began = Instant::now();
    let mut response = app.clone().oneshot(request).await?;
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    if let Some(work) = response.extensions_mut().remove::<Afterwards>() {
        work.run().await;
    }
    if response.status().is_server_error() {
        return Err(format!("{path} answered {}", response.status()).into());
    }
    Ok(ms)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The two-sided p of the rank-sum test by its normal approximation, which is good from some twenty samples on. Ties are as good as impossible
/// at nanoseconds and share no rank.
fn mann_whitney(first: &[f64], second: &[f64]) -> f64 {
    let mut all: Vec<_> = first.iter().map(|ms| (*ms, true)).collect();
    all.extend(second.iter().map(|ms| (*ms, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks = all.iter().zip(1_u32..).filter(|((_, is_first), _)| *is_first);
    let rank_sum: f64 = ranks.map(|(_, rank)| f64::from(rank)).sum();
    let (n, m) = (first.len() as f64, second.len() as f64);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / deviation;
    complement(z / std::f64::consts::SQRT_2)
}

/// erfc by Abramowitz and Stegun 7.1.26, to seven digits.
fn complement(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let factors = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let polynomial = factors.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    polynomial * (-x * x).exp()
}
