//! Tables of options and variables, and the configuration that follows.

use std::path::PathBuf;

use super::*;
use crate::env::*;

type Variables<'a> = &'a [(Variable, &'a str)];

fn config(flags: &[&str], variables: Variables) -> Result<Config, Problem> {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        credentials: cli::Credentials,
        #[command(flatten)]
        profile: cli::Profile,
        #[command(flatten)]
        network: cli::Network,
        #[command(flatten)]
        cache: cli::Cache,
    }
    let flags: Flags = clap::Parser::parse_from([&["test"], flags].concat());
    let env = Env::from(variables);
    let selection = Selection::new(&flags.credentials, flags.profile.name.as_deref(), &env)?;
    Config::new(&flags.network, &flags.cache, &selection, &env)
}

/// Checks what `of` returns for the configuration of each row; `None` is a usage error.
fn assert_rows<T: PartialEq + std::fmt::Debug>(
    rows: &[(&[&str], Variables, Option<T>)],
    of: impl Fn(Config) -> T,
) {
    for (flags, variables, expected) in rows {
        let found = config(flags, variables).ok().map(&of);
        assert_eq!(found, *expected, "{flags:?} {variables:?}");
    }
}

#[test]
fn the_endpoint_comes_from_the_source_with_the_highest_precedence() {
    let at = |url: &str, source: &str| Some(format!("{url} {source}"));
    let below =
        |host: &str, source: &str| at(&format!("https://{host}/v4.0/cells/connect/token"), source);
    let (base, token) = (
        (CELLS_BASE_URL, "https://b.invalid"),
        (CELLS_TOKEN_URL, "https://t.invalid/t"),
    );
    let sdks = [
        (CELLS_CLOUD_CLIENT_ID, "i"),
        (CELLS_CLOUD_CLIENT_SECRET, "s"),
        (CELLS_CLOUD_API_BASE_URL, "https://sdk.invalid"),
    ];
    assert_rows(
        &[
            (&[], &[], below("api.aspose.cloud", "default")),
            (&[], &[base], below("b.invalid", "CELLS_BASE_URL")),
            (
                &[],
                &[base, token],
                at("https://t.invalid/t", "CELLS_TOKEN_URL"),
            ),
            (
                &["--base-url", "https://f.invalid"],
                &[base, token],
                below("f.invalid", "--base-url"),
            ),
            (
                &["--token-url", "https://f.invalid/f"],
                &[base, token],
                at("https://f.invalid/f", "--token-url"),
            ),
            (&[], &sdks, below("sdk.invalid", "CellsCloudApiBaseUrl")),
            (
                &[],
                &[sdks[0], sdks[1], sdks[2], base],
                below("b.invalid", "CELLS_BASE_URL"),
            ),
            (
                &["--client-id", "other"],
                &sdks,
                below("api.aspose.cloud", "default"),
            ),
            (&["--base-url", "http://f.invalid"], &[], None),
            (
                &["--token-url", "http://f.invalid"],
                &[(CELLS_ALLOW_HTTP, "0")],
                None,
            ),
            (
                &["--token-url", "http://f.invalid/", "--allow-http"],
                &[],
                at("http://f.invalid/", "--token-url"),
            ),
            (
                &["--token-url", "http://f.invalid/"],
                &[(CELLS_ALLOW_HTTP, "1")],
                at("http://f.invalid/", "--token-url"),
            ),
            (&[], &[(CELLS_BASE_URL, "nonsense")], None),
        ],
        |config| format!("{} {}", config.endpoint, config.endpoint_source),
    );
}

#[test]
fn a_profile_applies_in_order_of_precedence() {
    let variables = [
        (CELLS_BASE_URL, "https://v.invalid"),
        (CELLS_CA_CERT, "v.pem"),
        (HTTPS_PROXY, "http://v.invalid"),
        (NO_PROXY, "p.invalid"),
    ];
    let options = [
        "--base-url",
        "https://o.invalid",
        "--ca-cert",
        "o.pem",
        "--proxy",
        "http://o.invalid",
    ];
    let (by_option, by_variable) = (&["--profile", "p"][..], (CELLS_PROFILE, "p"));
    let of_profile = "https://p.invalid/t /p.pem http://p.invalid:80";
    let of = |letter: &str| {
        format!(
            "https://{letter}.invalid/v4.0/cells/connect/token {letter}.pem http://{letter}.invalid:80"
        )
    };
    for (options, variables, expected) in [
        (by_option, &[][..], of_profile.to_owned()),
        (by_option, &variables, of_profile.to_owned()),
        (&[by_option, &options].concat(), &variables, of("o")),
        (&[], &[by_variable], of_profile.to_owned()),
        (&[], &[&variables[..], &[by_variable]].concat(), of("v")),
        // The default profile.
        (&[], &[], of_profile.to_owned()),
        (&[], &variables, of("v")),
        // Another client's credentials are not sent to the profile's endpoint.
        (
            &["--client-id", "o"],
            &[],
            "https://api.aspose.cloud/v4.0/cells/connect/token  ".to_owned(),
        ),
    ] {
        let config = profile_config(options, variables).unwrap();
        let ca_cert = config.trust.ca_cert.unwrap_or_default();
        let proxy = config.proxy.map(|proxy| proxy.to_string());
        assert_eq!(
            format!(
                "{} {} {}",
                config.endpoint,
                ca_cert.display(),
                proxy.unwrap_or_default()
            ),
            expected,
            "{options:?} {variables:?}"
        );
    }
}

/// The configuration of a user whose default profile is `p`.
fn profile_config(options: &[&str], variables: Variables) -> Result<Config, Problem> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("profiles.json");
    let text = r#"{"version": 1, "default": "p", "profiles": {"p": {"client_id": "p", "secret": "keyring",
        "token_url": "https://p.invalid/t", "ca_cert": "/p.pem", "proxy": "http://p.invalid"}}}"#;
    private_file::replace(
        &file,
        text.as_bytes(),
        &crate::lock_file::Guard::without_lock(),
    )
    .unwrap();
    let dir = dir.path().to_str().unwrap();
    config(options, &[variables, &[(CELLS_CONFIG_DIR, dir)]].concat())
}

#[test]
fn an_option_overrides_its_variable_and_a_variable_the_default() {
    let seconds = Duration::from_secs;
    assert_rows(
        &[
            (&[], &[], Some(seconds(90))),
            (
                &["--timeout", "5m"],
                &[(CELLS_TIMEOUT, "7")],
                Some(seconds(300)),
            ),
            (&[], &[(CELLS_TIMEOUT, "7")], Some(seconds(7))),
            (&["--timeout", "0"], &[], None),
            (&[], &[(CELLS_TIMEOUT, "0s")], None),
            (&[], &[(CELLS_TIMEOUT, "soon")], None),
        ],
        |config| config.timeout,
    );
    assert_rows(
        &[
            (&[], &[], Some(3)),
            (&["--retries", "0"], &[(CELLS_RETRIES, "7")], Some(0)),
            (&[], &[(CELLS_RETRIES, " 7 ")], Some(7)),
            (&["--retries", "-"], &[], None),
            (&[], &[(CELLS_RETRIES, "4294967296")], None),
        ],
        |config| config.retries,
    );
    assert_rows(
        &[
            (&[], &[], Some(MinTtl::Default)),
            (
                &["--min-ttl", "2h"],
                &[(CELLS_MIN_TTL, "7")],
                Some(MinTtl::AtLeast(seconds(7200))),
            ),
            (
                &[],
                &[(CELLS_MIN_TTL, "0")],
                Some(MinTtl::AtLeast(Duration::ZERO)),
            ),
            (&[], &[(CELLS_MIN_TTL, "soon")], None),
        ],
        |config| config.min_ttl,
    );
}

#[test]
fn the_proxy_comes_from_the_option_or_the_variables() {
    let shown =
        |proxy: &str, source: &str| Some(Some(format!("http://{proxy}.invalid:80 {source}")));
    let all = [
        (HTTPS_PROXY_LOWER, "http://a.invalid"),
        (HTTPS_PROXY, "http://b.invalid"),
        (HTTP_PROXY_LOWER, "http://c.invalid"),
        (ALL_PROXY_LOWER, "http://d.invalid"),
        (ALL_PROXY, "http://e.invalid"),
    ];
    let http = &["--allow-http", "--token-url", "http://f.invalid"];
    let with = |one: (Variable, &'static str)| [&all[..], &[one]].concat();
    assert_rows(
        &[
            (&[], &[], Some(None)),
            (&[], &all, shown("a", "https_proxy")),
            (&[], &all[1..], shown("b", "HTTPS_PROXY")),
            (&[], &all[2..], shown("d", "all_proxy")),
            (&[], &all[4..], shown("e", "ALL_PROXY")),
            (http, &all, shown("c", "http_proxy")),
            (http, &all[3..], shown("d", "all_proxy")),
            (http, &all[..2], Some(None)),
            (
                &["--proxy", "http://g.invalid"],
                &all,
                shown("g", "--proxy"),
            ),
            (
                &["--proxy", "http://g.invalid"],
                &with((NO_PROXY, "*")),
                shown("g", "--proxy"),
            ),
            (&[], &with((NO_PROXY, "api.aspose.cloud")), Some(None)),
            (&[], &with((NO_PROXY_LOWER, "aspose.cloud")), Some(None)),
            (&["--base-url", "http://localhost"], &all, Some(None)),
            (&["--base-url", "https://127.1.2.3"], &all, Some(None)),
            (&["--base-url", "https://[::1]"], &all, Some(None)),
            (&["--proxy", "ftp://g.invalid"], &[], None),
            (&[], &[(HTTPS_PROXY, "http://g.invalid:port")], None),
        ],
        |config| {
            config
                .proxy
                .map(|proxy| format!("{proxy} {}", proxy.source()))
        },
    );
}

#[test]
fn certificates_and_cache_come_from_options_and_variables() {
    let certificates = [
        (CELLS_CA_CERT, "v.pem"),
        (SSL_CERT_FILE, "s.pem"),
        (SSL_CERT_DIR, "a:b"),
    ];
    let trust = |flags: &[&str]| config(flags, &certificates).unwrap().trust;
    assert_eq!(trust(&[]).ca_cert, Some("v.pem".into()));
    assert_eq!(trust(&["--ca-cert", "f.pem"]).ca_cert, Some("f.pem".into()));
    assert_eq!(trust(&[]).system_file, Some("s.pem".into()));
    #[cfg(unix)]
    assert_eq!(trust(&[]).system_dirs, [PathBuf::from("a"), "b".into()]);
    assert_rows(
        &[
            // `Env::from` has no home directory.
            (&[], &[], Some(None)),
            (
                &["--cache-dir", "f"],
                &[(CELLS_CACHE_DIR, "v")],
                Some(Some("f true".to_owned())),
            ),
            (
                &[],
                &[(CELLS_CACHE_DIR, "v")],
                Some(Some("v true".to_owned())),
            ),
            (&["--cache-dir", "f", "--no-cache"], &[], Some(None)),
            (&["--cache-dir", "f"], &[(CELLS_NO_CACHE, "1")], Some(None)),
            (
                &["--cache-dir", "f"],
                &[(CELLS_NO_CACHE, "no")],
                Some(Some("f true".to_owned())),
            ),
            (&["--cache-dir", "~/tokens"], &[], None),
            (&[], &[(CELLS_CACHE_DIR, "$HOME/tokens")], None),
            (
                &["--cache-dir", "a~$"],
                &[],
                Some(Some("a~$ true".to_owned())),
            ),
        ],
        |config| {
            config
                .cache
                .map(|cache| format!("{} {}", cache.dir.display(), cache.home.is_none()))
        },
    );
}

#[test]
fn verbosity_follows_the_options() {
    for (quiet, verbose, expected) in [
        (false, false, Verbosity::Normal),
        (true, false, Verbosity::Quiet),
        (false, true, Verbosity::Verbose),
    ] {
        let mut flags = cli::Verbosity::default();
        (flags.quiet, flags.verbose) = (quiet, verbose);
        assert_eq!(verbosity(&flags), expected);
    }
}

#[test]
fn durations_have_units_or_are_seconds() {
    for (text, expected) in [
        ("500ms", Some(Duration::from_millis(500))),
        ("30s", Some(Duration::from_secs(30))),
        ("30", Some(Duration::from_secs(30))),
        ("0", Some(Duration::ZERO)),
        ("5m", Some(Duration::from_secs(300))),
        ("1h30m", Some(Duration::from_secs(5400))),
        ("1h 30m", Some(Duration::from_secs(5400))),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("99999999999999999999h", None),
    ] {
        assert_eq!(duration(text, "--timeout").ok(), expected, "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_duration_parser_panic(text in ".{0,24}") {
        let _ = duration(&text, "--timeout");
    }

    #[test]
    fn a_formatted_duration_is_parsed_back(seconds in 0_u64..10_000_000_000, millis in 0_u32..1000) {
        let written = Duration::new(seconds, millis * 1_000_000);
        let text = humantime::format_duration(written).to_string();
        assert_eq!(duration(&text, "--timeout").unwrap(), written, "{text}");
        let bare = duration(&seconds.to_string(), "--timeout").unwrap();
        assert_eq!(bare, Duration::from_secs(seconds));
    }
}
