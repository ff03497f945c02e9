use std::time::Duration;

use limits::Limit;

use crate::variables::Reading;

/// How often people may try things, each `COUNT/SECONDSs` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// `limit_login`, default `10/60s`: sign-ins from one address.
    pub login: Limit,
    /// `limit_signup`, default `5/3600s`: sign-ups from one address. Behind a `public_url` on this machine, where all addresses are one, the
    /// default is `500/3600s`.
    pub signup: Limit,
    /// `limit_mail`, default `3/3600s`: mails to one address.
    pub mail: Limit,
    /// `limit_refresh`, default `60/3600s`: refreshes of one session.
    pub refresh: Limit,
    /// `limit_totp`, default `5/300s`: one-time passwords of one person.
    pub totp: Limit,
    /// `limit_hashing`: passwords hashed for everybody together. Default `50/5s`, what two cores do beside other work; behind a `public_url`
    /// on this machine there is none.
    pub hashing: Limit,
}

impl LimitSettings {
    pub(crate) const NAMES: [&'static str; 6] = [
        "limit_login",
        "limit_signup",
        "limit_mail",
        "limit_refresh",
        "limit_totp",
        "limit_hashing",
    ];

    pub(crate) fn read(reading: &mut Reading<'_>, is_local: bool) -> Option<Self> {
        let [login, signup, mail, refresh, totp, hashing] = Self::NAMES;
        let mut limit = |name, count, window| {
            // A default that could not be counted would be one without a limit.
            let default = Limit::new(count, window)?;
            reading.optional(name, default, str::parse)
        };
        let hour = Duration::from_hours(1);
        let login = limit(login, 10, Duration::from_mins(1));
        let signup = limit(signup, if is_local { 500 } else { 5 }, hour);
        let mail = limit(mail, 3, hour);
        let refresh = limit(refresh, 60, hour);
        let totp = limit(totp, 5, Duration::from_mins(5));
        let shared = if is_local {
            Limit::OFF
        } else {
            Limit::new(50, Duration::from_secs(5)).unwrap_or(Limit::OFF)
        };
        let hashing = reading.optional(hashing, shared, str::parse);
        Some(Self {
            login: login?,
            signup: signup?,
            mail: mail?,
            refresh: refresh?,
            totp: totp?,
            hashing: hashing?,
        })
    }
}
