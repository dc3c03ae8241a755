//! Tables of answers, and what each of them means.

use proptest::prelude::*;

use super::*;
use crate::oauth::retry::Retry;
use crate::oauth::{Cause, TokenErrorKind};
use crate::secret::ClientSecret;
use TokenErrorKind::{Invalid, Refused, Unavailable, Unreachable};

const NOW: i64 = 1_800_000_000;
/// `{"alg":"none"}`, `{"iat":100,"exp":3700}`, `x`
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJpYXQiOjEwMCwiZXhwIjozNzAwfQ.eA";

fn read(status: u16, content_type: &str, body: &str) -> Result<Token, TokenError> {
    let response = Response {
        status,
        content_type: Some(content_type.to_owned()),
        location: Some("https://user:word@elsewhere.invalid/login?key=value#part".to_owned()),
        retry_after: None,
        body: body.into(),
    };
    let endpoint =
        TokenEndpoint::parse("https://host.invalid/token", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
    let exchange = Timestamp::from(NOW)..Timestamp::from(NOW + 1);
    parse(&response, &endpoint, exchange, &redactor)
}

#[test]
fn tokens_are_understood_in_every_form() {
    let quoted_object = r#""{\"access_token\":\"t\",\"expires_in\":60}""#;
    let quoted_jwt = format!("\"{JWT}\"");
    for (content_type, body, token, lifetime) in [
        (
            "application/json",
            r#"{"access_token":"t","expires_in":3600}"#,
            "t",
            Some(3600),
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":"3600"}"#,
            "t",
            Some(3600),
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":" 60 "}"#,
            "t",
            Some(60),
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":59.5}"#,
            "t",
            Some(59),
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":null}"#,
            "t",
            None,
        ),
        ("application/json", r#"{"access_token":"t"}"#, "t", None),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":-1}"#,
            "t",
            Some(0),
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":1e400}"#,
            "t",
            None,
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":"NaN"}"#,
            "t",
            None,
        ),
        (
            "application/json",
            r#"{"access_token":"t","expires_in":"soon"}"#,
            "t",
            None,
        ),
        (
            "application/json",
            r#"{"access_token":"t","token_type":"BEARER","error":null}"#,
            "t",
            None,
        ),
        (
            "application/json",
            "\u{feff} {\"access_token\":\"t\",\"token_type\":null} ",
            "t",
            None,
        ),
        ("text/html", r#"{"access_token":"t"}"#, "t", None),
        ("application/json", quoted_object, "t", Some(60)),
        (
            "text/plain; charset=utf-8",
            r#"{"access_token":"t"}"#,
            "t",
            None,
        ),
        ("application/json", &quoted_jwt, JWT, Some(3600)),
        ("Text/Plain", JWT, JWT, Some(3600)),
        ("text/plain", &format!("{JWT}\r\n"), JWT, Some(3600)),
        (
            "application/json",
            &format!(r#"{{"access_token":"{JWT}"}}"#),
            JWT,
            Some(3600),
        ),
        (
            "application/json",
            &format!(r#"{{"access_token":"{JWT}","expires_in":5}}"#),
            JWT,
            Some(5),
        ),
    ] {
        let read =
            read(200, content_type, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
        assert_eq!(read.access_token.expose(), token, "{body}");
        let remaining = read
            .remaining(NOW.into())
            .map(|remaining| remaining.as_secs());
        assert_eq!(remaining, lifetime, "{body}");
    }
}

#[test]
fn each_failure_is_of_the_right_kind() {
    let invalid_client = r#"{"error":"invalid_client","error_description":"No such client."}"#;
    let vendors = r#"{"RequestId":"1","Error":{"Code":"errorAuthorization","Message":"Authorization failed"}}"#;
    let token = r#"{"access_token":"t"}"#;
    for (status, content_type, body, kind) in [
        (408, "text/plain", "", Unavailable),
        (429, "application/json", invalid_client, Unavailable),
        (500, "application/json", invalid_client, Unavailable),
        (503, "text/html", "<html>", Unavailable),
        (599, "application/json", token, Unavailable),
        (600, "application/json", token, Invalid),
        (407, "application/json", invalid_client, Unreachable),
        (200, "application/json", invalid_client, Refused),
        (400, "application/json", invalid_client, Refused),
        (401, "application/json", invalid_client, Refused),
        (
            400,
            "application/json",
            r#"{"error":"unauthorized_client"}"#,
            Refused,
        ),
        (
            403,
            "application/json",
            r#"{"error":"access_denied"}"#,
            Refused,
        ),
        (404, "application/json", vendors, Refused),
        (
            400,
            "application/json",
            r#"{"error":"","Error":{"Code":"c"}}"#,
            Refused,
        ),
        (200, "application/json", vendors, Refused),
        (400, "application/json", r#"{"Error":{}}"#, Refused),
        (
            400,
            "application/json",
            r#"{"error":"temporarily_unavailable"}"#,
            Unavailable,
        ),
        (
            400,
            "application/json",
            r#"{"Error":{"Code":"server_error"}}"#,
            Unavailable,
        ),
        (
            400,
            "application/json",
            r#"{"error":"invalid_request"}"#,
            Invalid,
        ),
        (
            401,
            "application/json",
            r#"{"error":"invalid_scope"}"#,
            Invalid,
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"t","error":"invalid_grant"}"#,
            Invalid,
        ),
        (
            400,
            "application/json",
            &Value::from(invalid_client).to_string(),
            Refused,
        ),
        (401, "text/html", "<html>", Refused),
        (401, "", "", Refused),
        (401, "application/json", token, Refused),
        (403, "text/html", "<html>", Invalid),
        (404, "text/html", "<html>", Invalid),
        (201, "application/json", token, Invalid),
        (204, "application/json", "", Invalid),
        (302, "text/html", "<html>", Invalid),
        (307, "application/json", token, Invalid),
        (200, "text/html", "<html>", Invalid),
        (200, "application/json", "", Invalid),
        (200, "application/json", r#"{"access_token":"t""#, Invalid),
        (200, "application/json", "null", Invalid),
        (200, "application/json", "[]", Invalid),
        (200, "application/json", &"[".repeat(60 * 1024), Invalid),
        (
            200,
            "application/json",
            &format!("{token}{}", " ".repeat(BODY_LIMIT)),
            Invalid,
        ),
        (200, "application/json", "{}", Invalid),
        (200, "application/json", r#"{"access_token":null}"#, Invalid),
        (200, "application/json", r#"{"access_token":7}"#, Invalid),
        (200, "application/json", r#"{"access_token":""}"#, Invalid),
        (
            200,
            "application/json",
            r#"{"access_token":"a\nb"}"#,
            Invalid,
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"a\"b"}"#,
            Invalid,
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"a\u001b[31m"}"#,
            Invalid,
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"t","token_type":"mac"}"#,
            Invalid,
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"t","token_type":7}"#,
            Invalid,
        ),
        (200, "text/plain", "OK", Invalid),
        (200, "application/json", r#""Unauthorized""#, Invalid),
        (200, "application/json", JWT, Invalid),
        (200, "text/html", JWT, Invalid),
        (200, "text/plain", &format!("{JWT} {JWT}"), Invalid),
    ] {
        let error = read(status, content_type, body).expect_err(body);
        assert_eq!(error.kind, kind, "{status} {body}: {error:?}");
        assert!(
            error.problem.what.contains(&status.to_string()),
            "{error:?}"
        );
        assert!(!error.problem.hint.is_empty());
    }
}

#[test]
fn only_what_may_pass_is_tried_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let error = read(status, "text/html", "").unwrap_err();
        assert_eq!(error.retry, Retry::Soon, "{status}");
    }
    for status in [200, 302, 400, 401, 403, 404, 407, 501, 505, 599] {
        let error = read(status, "text/html", "").unwrap_err();
        assert_eq!(error.retry, Retry::Never, "{status}");
    }
    let busy = r#"{"error":"temporarily_unavailable"}"#;
    assert_eq!(
        read(400, "application/json", busy).unwrap_err().retry,
        Retry::Never
    );
}

#[test]
fn an_answer_may_be_as_long_as_the_limit() {
    let token = r#"{"access_token":"t"}"#;
    let padded = |length| token.to_owned() + &" ".repeat(length - token.len());
    assert!(read(200, "application/json", &padded(BODY_LIMIT)).is_ok());
    assert!(read(200, "application/json", &padded(BODY_LIMIT + 1)).is_err());
}

#[test]
fn a_limit_is_told_from_an_outage_and_says_when() {
    let endpoint = TokenEndpoint::parse("https://host.invalid", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
    let answered_at = Timestamp::from(NOW);
    for (status, retry_after, limited_until, hint) in [
        (
            429,
            Some("60"),
            Some(NOW + 60),
            "try again after 2027-01-15T08:01:00Z",
        ),
        (429, None, None, "try again in a minute"),
        (429, Some("soon"), None, "try again in a minute"),
        (429, Some("0"), None, "try again in a minute"),
        (
            503,
            Some("Thu, 01 Jan 2026 00:00:00 GMT"),
            None,
            "trying again later helps",
        ),
        (
            503,
            Some("60"),
            None,
            "try again after 2027-01-15T08:01:00Z",
        ),
        (503, None, None, "trying again later helps"),
    ] {
        let response = Response {
            status,
            retry_after: retry_after.map(str::to_owned),
            ..Response::default()
        };
        let error = parse(&response, &endpoint, answered_at..answered_at, &redactor).unwrap_err();
        assert_eq!(
            error.limited_until(),
            limited_until.map(Timestamp::from),
            "{error:?}"
        );
        assert_eq!(error.cause == Cause::Limit, status == 429);
        let is_called_a_limit = error.problem.what.contains("limits the number of requests");
        assert_eq!(is_called_a_limit, status == 429, "{error:?}");
        assert!(error.problem.hint.contains(hint), "{error:?}");
    }
}

#[test]
fn what_a_server_says_is_shown_without_secrets() {
    let error = read(
        400,
        "application/json",
        r#"{"error":"invalid_client","error_description":"s3cret\/s3cret?"}"#,
    );
    assert_eq!(
        error.unwrap_err().problem.what,
        "https://host.invalid/token refused the credentials (invalid_client: [redacted]?, status 400)"
    );
    let error = read(302, "text/html", "").unwrap_err();
    assert!(
        error
            .problem
            .what
            .contains("it redirects to https://elsewhere.invalid/login, where the secret is not sent (status 302, text/html, "),
        "{error:?}"
    );
}

#[test]
fn a_redirect_shows_no_secret_that_stands_across_host_and_path() {
    let response = Response {
        status: 302,
        location: Some("https://any-s3cret/S3cret-more".to_owned()),
        ..Response::default()
    };
    let endpoint = TokenEndpoint::parse("https://host.invalid", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
    let exchange = Timestamp::from(NOW)..Timestamp::from(NOW);
    let error = parse(&response, &endpoint, exchange, &redactor).unwrap_err();
    assert!(
        !error.problem.what.to_lowercase().contains("s3cret/s3cret"),
        "{error:?}"
    );
    assert!(
        error.problem.what.contains("quotes the secret"),
        "{error:?}"
    );
}

#[test]
fn unknown_members_keep_their_place_and_digits() {
    let body = r#"{"z":1.50,"access_token":"t","a":12345678901234567890123,"b":{"y":1,"x":2}}"#;
    let members = Value::Object(read(200, "application/json", body).unwrap().members).to_string();
    assert_eq!(members, body.replace(r#""t""#, "null"));
}

/// JSON that could be an answer: the members that matter, with every kind of value.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[A-Za-z0-9._~+/-]{0,12}={0,2}",
        "\\PC{0,8}",
        prop::sample::select(vec![
            "bearer",
            "Bearer",
            "invalid_client",
            "server_error",
            JWT,
            "s3cret/s3cret"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop::sample::select(vec![
            "access_token",
            "token_type",
            "expires_in",
            "error",
            "error_description",
            "Error",
            "Code",
            "Message",
            "x",
        ]);
        let members = prop::collection::hash_map(name.prop_map(str::to_owned), inner.clone(), 0..6);
        prop_oneof![
            2 => members.prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => json().prop_map(|value| value.to_string().into_bytes()),
        1 => "(<html>)?\\PC{0,40}".prop_map(String::into_bytes),
        1 => any::<Vec<u8>>(),
        1 => (json(), any::<prop::sample::Index>()).prop_map(|(value, cut)| {
            let mut bytes = value.to_string().into_bytes();
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_answered_is_a_token_or_a_failure_in_words(
        body in bodies(), status in prop_oneof![2 => Just(200_u16), 1 => 200_u16..600],
        content_type in prop::option::of("(text/plain|text/html|application/json|\\PC{0,10})"),
        header in prop::option::of("\\PC{0,20}"), now in -1_000_000_i64..4_000_000_000_000,
    ) {
        let response = Response { status, content_type, location: header.clone(), retry_after: header, body };
        let endpoint = TokenEndpoint::parse("https://host.invalid/token", "--token-url", false).unwrap();
        let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
        let exchange = Timestamp::from(now)..Timestamp::from(now + 1);
        match parse(&response, &endpoint, exchange, &redactor) {
            Ok(token) => {
                prop_assert_eq!(status, 200);
                prop_assert!(AccessToken::parse(token.access_token.expose()).is_some());
                prop_assert_eq!(token.members.get("access_token"), Some(&Value::Null));
                prop_assert!(token.expires_at.is_none_or(|expires_at| expires_at >= token.obtained_at));
            }
            Err(error) => {
                prop_assert!(!error.problem.hint.is_empty());
                prop_assert!(!error.problem.what.contains("s3cret/s3cret"), "{error:?}");
                prop_assert!(error.retry == Retry::Never || matches!(status, 408 | 429 | 500 | 502..=504));
            }
        }
    }
}
