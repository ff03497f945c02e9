use egress::UrlPolicy;
use keyring::Keyring;
use mailer::Delivery;

use crate::variables::boolean;
use crate::{DataSettings, LimitSettings, OidcProvider, SettingsError, Variables, mail, oidc};

/// What the component `auth` depends on.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    pub data: DataSettings,
    /// `master_key`, required: the root of all keys.
    pub keyring: Keyring,
    /// `password_min_length`, default 12, at least 8: code points of a new password.
    pub password_chars_min: usize,
    pub limits: LimitSettings,
    /// `require_email_verification`, default false: whether people must prove their address before they can sign in.
    pub require_email_verification: bool,
    /// `mailer` and what it needs; by default the log under a `public_url` on this machine, and none elsewhere.
    pub delivery: Delivery,
    /// `egress_allow`, default empty: origins that outbound calls may reach beyond public ones over TLS.
    pub egress: UrlPolicy,
    /// `oidc_providers`, default none: where else people may sign in, as a JSON array.
    pub oidc_providers: Vec<OidcProvider>,
}

const PASSWORD_CHARS_MIN_DEFAULT: usize = 12;

impl AuthSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 19] = [
        DataSettings::NAMES[0],
        DataSettings::NAMES[1],
        DataSettings::NAMES[2],
        DataSettings::NAMES[3],
        "master_key",
        "password_min_length",
        LimitSettings::NAMES[0],
        LimitSettings::NAMES[1],
        LimitSettings::NAMES[2],
        LimitSettings::NAMES[3],
        LimitSettings::NAMES[4],
        LimitSettings::NAMES[5],
        mail::NAMES[0],
        mail::NAMES[1],
        mail::NAMES[2],
        mail::NAMES[3],
        "egress_allow",
        oidc::NAME,
        "require_email_verification",
    ];

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let data = DataSettings::read(&mut reading);
        let keyring = reading.required("master_key", str::parse);
        let password_chars_min =
            reading.optional("password_min_length", PASSWORD_CHARS_MIN_DEFAULT, length);
        let is_local = data.as_ref().is_none_or(DataSettings::is_local);
        let limits = LimitSettings::read(&mut reading, is_local);
        let require_email_verification =
            reading.optional("require_email_verification", false, boolean);
        let egress = reading.optional("egress_allow", UrlPolicy::default(), str::parse);
        let delivery =
            egress.as_ref().and_then(|egress| mail::read(&mut reading, egress, is_local));
        let oidc_providers = egress.as_ref().and_then(|egress| {
            let read = |text: &str| oidc::read(text, egress, is_local);
            reading.optional(oidc::NAME, Vec::new(), read)
        });
        let settings = (|| {
            Some(Self {
                data: data?,
                keyring: keyring?,
                password_chars_min: password_chars_min?,
                limits: limits?,
                require_email_verification: require_email_verification?,
                delivery: delivery?,
                egress: egress?,
                oidc_providers: oidc_providers?,
            })
        })();
        reading.finish(settings)
    }
}

fn length(value: &str) -> Result<usize, &'static str> {
    value
        .parse()
        .ok()
        .filter(|length| (8..=128).contains(length))
        .ok_or("it is no number from 8 to 128")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=";

    fn settings(pairs: &[(&str, &str)]) -> Result<AuthSettings, SettingsError> {
        AuthSettings::new(&pairs.iter().copied().collect())
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once_without_its_value() {
        let error = settings(&[
            ("auto_migrate", "yes"),
            ("public_url", "ftp://hunter2"),
            ("password_min_length", "7"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "settings: auto_migrate: it is neither true nor false; \
             public_url: it is no plain http:// or https:// URL; master_key is missing; \
             password_min_length: it is no number from 8 to 128"
        );
        let error = settings(&[("master_key", "hunter2")]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(settings(&[("master_key", "  ")]).unwrap_err().0, ["master_key is missing"]);
    }

    #[test]
    fn urls_that_could_mislead_are_refused() {
        for url in [
            "localhost",
            "http://",
            "https:///x",
            "http://a b",
            "http://user@host",
            "http://h/?q",
            "http://h/#f",
            "http://é",
        ] {
            let error = settings(&[("master_key", KEY), ("public_url", url)]).unwrap_err();
            assert_eq!(error.0.len(), 1, "{url}");
        }
        let long = format!("http://{}", "a".repeat(250));
        assert!(settings(&[("master_key", KEY), ("public_url", &long)]).is_err());
    }

    #[test]
    fn what_is_absent_or_empty_has_its_default() {
        let settings =
            settings(&[("master_key", KEY), ("public_url", ""), ("auto_migrate", " ")]).unwrap();
        assert_eq!(settings.password_chars_min, 12);
        assert_eq!(
            settings.data,
            DataSettings {
                auto_migrate: true,
                public_url: "http://localhost:3000".to_owned(),
                trusted_proxies: Vec::new(),
                limit_api: "600/60s".parse().unwrap(),
            }
        );
        let variables: Variables = [("master_key", KEY)].into_iter().collect();
        assert_eq!(format!("{variables:?}"), r#"Variables(["master_key"])"#);
    }

    #[test]
    fn limits_and_proxies_are_read_and_sign_ups_are_limited_where_addresses_tell_people_apart() {
        let local = settings(&[("master_key", KEY)]).unwrap();
        assert_eq!(local.limits.signup.to_string(), "500/3600s");
        assert_eq!(local.limits.login.to_string(), "10/60s");
        assert_eq!(local.limits.hashing.to_string(), "off");
        for url in ["https://chat.example", "http://localhost.example", "http://127.0.0.1.example"]
        {
            let public = settings(&[("master_key", KEY), ("public_url", url)]).unwrap();
            assert_eq!(public.limits.signup.to_string(), "5/3600s", "{url}");
            assert_eq!(public.limits.hashing.to_string(), "50/5s", "{url}");
        }
        for url in ["http://127.0.0.1:3000", "http://[::1]:3000/x", "http://localhost"] {
            let local = settings(&[("master_key", KEY), ("public_url", url)]).unwrap();
            assert_eq!(local.limits.signup.to_string(), "500/3600s", "{url}");
        }
        let given = settings(&[
            ("master_key", KEY),
            ("limit_login", "off"),
            ("limit_mail", "7/60s"),
            ("trusted_proxies", "10.0.0.1, 2001:db8::1"),
        ])
        .unwrap();
        assert_eq!(given.limits.login.to_string(), "off");
        assert_eq!(given.limits.mail.to_string(), "7/60s");
        assert_eq!(given.data.trusted_proxies.len(), 2);
        let error = settings(&[
            ("master_key", KEY),
            ("limit_login", "ten"),
            ("trusted_proxies", "proxy.example"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 2, "{error}");
    }

    #[test]
    fn mails_go_to_the_log_on_one_s_own_machine_and_nowhere_else_unless_told() {
        let delivery = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().copied().chain([("master_key", KEY)]).collect();
            settings(&pairs).map(|settings| settings.delivery)
        };
        assert!(matches!(delivery(&[]), Ok(Delivery::Log)));
        let public = ("public_url", "https://chat.example");
        assert!(matches!(delivery(&[public]), Ok(Delivery::Off)));
        assert!(matches!(
            delivery(&[("public_url", "http://localhost.evil.example")]),
            Ok(Delivery::Off)
        ));
        assert!(matches!(delivery(&[("mailer", "off")]), Ok(Delivery::Off)));
        assert!(matches!(delivery(&[public, ("mailer", "log")]), Ok(Delivery::Log)));
        let sender = [("mailer_from", "a@b.example"), ("mailer_key", "hunter2")];
        let Ok(Delivery::Resend(resend)) = delivery(&[("mailer", "resend"), sender[0], sender[1]])
        else {
            panic!("no Resend");
        };
        assert_eq!(resend.target.as_str(), "https://api.resend.com/emails");
        let hook = [("mailer", "webhook"), ("mailer_key", "hunter2")];
        let url = |url: &'static str| delivery(&[hook[0], hook[1], ("mailer_url", url)]);
        assert!(matches!(url("https://hooks.example/mail"), Ok(Delivery::Webhook { .. })));
        for (error, expected) in [
            (
                delivery(&[("mailer", "smtp")]),
                "mailer: it is none of log, resend, postmark, webhook and off",
            ),
            (delivery(&[("mailer", "resend")]), "mailer_from is missing; mailer_key is missing"),
            (delivery(&[hook[0], hook[1]]), "mailer_url is missing"),
            (url("http://127.0.0.1:1/"), "mailer_url: The URL must begin with https://."),
        ] {
            assert_eq!(error.unwrap_err().0.join("; "), expected);
        }
    }

    #[test]
    fn given_values_are_taken() {
        let settings = settings(&[
            ("master_key", KEY),
            ("public_url", "https://chat.example/base/"),
            ("auto_migrate", "false"),
            ("password_min_length", "15"),
            ("require_email_verification", "true"),
            ("egress_allow", "http://127.0.0.1:*"),
        ])
        .unwrap();
        assert!(settings.require_email_verification);
        settings.egress.check("http://127.0.0.1:9/").unwrap();
        assert_eq!(settings.password_chars_min, 15);
        assert_eq!(settings.data.public_url, "https://chat.example/base");
        assert!(!settings.data.auto_migrate);
    }
}
