//! Tables of responses, and what each of them means.

use proptest::prelude::*;

use super::*;
use crate::oauth::retry::Retry;
use crate::oauth::{BODY_LIMIT, Reason, TokenErrorKind};
use crate::secret::ClientSecret;
use TokenErrorKind::{Invalid, Refused, Unavailable, Unreachable};

const NOW: i64 = 1_800_000_000;
/// `{"alg":"none"}`, `{"iat":100,"exp":3700}`, `x`
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJpYXQiOjEwMCwiZXhwIjozNzAwfQ.eA";

fn read_response(response: &Response) -> Result<Token, TokenError> {
    let endpoint = TokenEndpoint::parse("https://host.invalid/t", "--token-url", false).unwrap();
    let redactor = Redactor::new(&ClientSecret::new("s3cret/s3cret".to_owned()));
    let exchange = Timestamp::from(NOW)..Timestamp::from(NOW);
    parse(response, &endpoint, exchange, &redactor)
}

fn response(status: u16, content_type: &str, body: &str) -> Response {
    Response {
        status,
        content_type: Some(content_type.to_owned()),
        body: body.into(),
        ..Response::default()
    }
}

fn read(status: u16, content_type: &str, body: &str) -> Result<Token, TokenError> {
    read_response(&response(status, content_type, body))
}

fn says(response: &Response) -> String {
    let problem = read_response(response).unwrap_err().problem;
    format!("{}\nhint: {}", problem.what, problem.hint)
}

#[test]
fn a_token_is_read_in_every_form() {
    let in_string = r#""{\"access_token\":\"t\",\"expires_in\":60}""#;
    for (content_type, body, token) in [
        ("application/json", r#"{"access_token":"t"}"#, "t"),
        ("text/html", r#"{"access_token":"t"}"#, "t"),
        (
            "application/json",
            "\u{feff} {\"access_token\":\"t\"} \r\n",
            "t",
        ),
        ("application/json", in_string, "t"),
        ("text/plain; charset=utf-8", r#"{"access_token":"t"}"#, "t"),
        ("application/json", &format!("\"{JWT}\""), JWT),
        ("Text/Plain", JWT, JWT),
        ("text/plain", &format!("\u{feff}{JWT}\r\n"), JWT),
    ] {
        let token_read =
            read(200, content_type, body).unwrap_or_else(|error| panic!("{body}: {error:?}"));
        assert_eq!(token_read.access_token.expose(), token, "{body}");
    }
}

#[test]
fn the_lifetime_is_the_smaller_of_expires_in_and_the_jwts() {
    for (token, expires_in, lifetime) in [
        ("t", "3600", Some(3600)),
        ("t", r#""3600""#, Some(3600)),
        ("t", r#"" 60 ""#, Some(60)),
        ("t", "59.5", Some(59)),
        ("t", "null", None),
        ("t", "-1", Some(0)),
        ("t", "0", Some(0)),
        ("t", "1e400", None),
        ("t", r#""NaN""#, None),
        ("t", r#""soon""#, None),
        ("t", "[1]", None),
        (JWT, "null", Some(3600)),
        (JWT, "5", Some(5)),
        (JWT, "86400", Some(3600)),
        (JWT, "1e400", Some(3600)),
        (JWT, "0", Some(0)),
    ] {
        let body = format!(r#"{{"access_token":"{token}","expires_in":{expires_in}}}"#);
        let read = read(200, "application/json", &body).unwrap();
        let remaining = read.remaining(NOW.into()).map(|left| left.as_secs());
        assert_eq!(remaining, lifetime, "{body}");
    }
}

#[test]
fn the_token_type_begins_with_bearer() {
    for (token_type, is_token) in [
        ("null", true),
        (r#""Bearer""#, true),
        (r#""BEARER""#, true),
        (r#"" bearer ""#, true),
        (r#""BearerToken""#, true),
        (r#""mac""#, false),
        (r#""DPoP""#, false),
        (r#""bear""#, false),
        (r#""béarer""#, false),
        (r#""""#, false),
        ("7", false),
    ] {
        let body = format!(r#"{{"access_token":"t","token_type":{token_type}}}"#);
        assert_eq!(read(200, "", &body).is_ok(), is_token, "{body}");
    }
}

#[test]
fn each_failure_is_of_the_right_kind() {
    let invalid_client = r#"{"error":"invalid_client","error_description":"No such client."}"#;
    let vendors =
        |code: &str| format!(r#"{{"RequestId":"1","Error":{{"Code":"{code}","Message":"m"}}}}"#);
    let error = |code: &str| format!(r#"{{"error":"{code}"}}"#);
    let token = r#"{"access_token":"t"}"#;
    for (status, content_type, body, kind) in [
        // The status decides first.
        (408, "text/plain", "", Unavailable),
        (429, "application/json", invalid_client, Unavailable),
        (500, "application/json", invalid_client, Unavailable),
        (503, "text/html", "<html>", Unavailable),
        (599, "application/json", token, Unavailable),
        (600, "application/json", token, Invalid),
        (407, "application/json", invalid_client, Unreachable),
        // Then the code of an error object.
        (200, "application/json", invalid_client, Refused),
        (400, "application/json", invalid_client, Refused),
        (401, "application/json", invalid_client, Refused),
        (
            400,
            "application/json",
            &Value::from(invalid_client).to_string(),
            Refused,
        ),
        (
            400,
            "application/json",
            &error("unauthorized_client"),
            Refused,
        ),
        (403, "application/json", &error("access_denied"), Refused),
        (
            400,
            "application/json",
            &error("temporarily_unavailable"),
            Unavailable,
        ),
        (400, "application/json", &error("invalid_request"), Invalid),
        (401, "application/json", &error("invalid_scope"), Invalid),
        (
            200,
            "application/json",
            r#"{"access_token":"t","error":"invalid_grant"}"#,
            Invalid,
        ),
        // A vendor error by its status, then by its code.
        (401, "application/json", &vendors("errorOther"), Refused),
        (403, "application/json", r#"{"Error":{}}"#, Refused),
        (
            200,
            "application/json",
            &vendors("errorAuthorization"),
            Refused,
        ),
        (
            400,
            "application/json",
            &vendors("AuthenticationFailed"),
            Refused,
        ),
        (404, "application/json", &vendors("invalid_client"), Refused),
        (
            400,
            "application/json",
            &vendors("badClientSecret"),
            Refused,
        ),
        (
            400,
            "application/json",
            &vendors("server_error"),
            Unavailable,
        ),
        (404, "application/json", &vendors("errorNotFound"), Invalid),
        (400, "application/json", r#"{"Error":{}}"#, Invalid),
        (
            400,
            "application/json",
            r#"{"error":"","Error":{"Code":"c"}}"#,
            Invalid,
        ),
        // Then 401.
        (401, "text/html", "<html>", Refused),
        (401, "", "", Refused),
        (401, "application/json", token, Refused),
        (401, "application/json", r#"{"message":"no key"}"#, Refused),
        // Nothing else is a token response.
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
fn only_transient_failures_are_retried() {
    for status in [408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 530] {
        assert_eq!(
            read(status, "", "").unwrap_err().retry,
            Retry::Soon,
            "{status}"
        );
    }
    for status in [200, 302, 400, 401, 403, 404, 407, 501, 505, 525, 529, 599] {
        assert_eq!(
            read(status, "", "").unwrap_err().retry,
            Retry::Never,
            "{status}"
        );
    }
    let busy = r#"{"error":"temporarily_unavailable"}"#;
    assert_eq!(read(400, "", busy).unwrap_err().retry, Retry::Never);
}

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let token = r#"{"access_token":"t"}"#;
    let padded = |length| token.to_owned() + &" ".repeat(length - token.len());
    assert!(read(200, "application/json", &padded(BODY_LIMIT)).is_ok());
    assert!(read(200, "application/json", &padded(BODY_LIMIT + 1)).is_err());
}

#[test]
fn a_rate_limit_differs_from_an_outage_and_the_hint_has_its_end() {
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
            "try again later",
        ),
        (
            503,
            Some("59.2"),
            None,
            "try again after 2027-01-15T08:01:00Z",
        ),
        (503, None, None, "try again later"),
    ] {
        let response = Response {
            status,
            retry_after: retry_after.map(str::to_owned),
            ..Response::default()
        };
        let error = read_response(&response).unwrap_err();
        assert_eq!(
            error.rate_limited_until(),
            limited_until.map(Timestamp::from),
            "{error:?}"
        );
        assert_eq!(error.reason == Reason::RateLimited, status == 429);
        let is_called_a_limit = error.problem.what.contains("limits the request rate");
        assert_eq!(is_called_a_limit, status == 429, "{error:?}");
        assert!(error.problem.hint.contains(hint), "{error:?}");
    }
}

/// What is said of a response, in full.
#[test]
fn the_words_of_each_failure() {
    for (response, words) in [
        (
            response(
                400,
                "",
                r#"{"error":"invalid_client","error_description":"No such client"}"#,
            ),
            "https://host.invalid/t refused the credentials, status 400: invalid_client: No such client\n",
        ),
        (
            response(
                400,
                "",
                r#"{"error":"invalid_client","error_description":"no s3cret\/s3cret"}"#,
            ),
            "https://host.invalid/t refused the credentials, status 400: invalid_client: (not shown: it quotes the client secret)\n",
        ),
        (
            response(400, "", r#"{"error":"unsupported_grant_type"}"#),
            "https://host.invalid/t did not accept the request, status 400: unsupported_grant_type\n",
        ),
        (
            response(
                403,
                "",
                r#"{"Error":{"Code":"errorX","Message":"Not allowed"}}"#,
            ),
            "https://host.invalid/t refused the credentials, status 403: errorX: Not allowed\n",
        ),
        (
            response(503, "text/html", "<p>"),
            "https://host.invalid/t is unavailable, status 503\n",
        ),
        (
            response(200, "text/html; charset=utf-8", "<p>Welcome"),
            "https://host.invalid/t did not return a token: the body is not JSON; status 200, text/html; charset=utf-8: \"<p>Welcome\"\n",
        ),
        (
            response(
                403,
                "application/problem+json",
                r#"{"title":"Forbidden","traceId":"t"}"#,
            ),
            "https://host.invalid/t did not return a token: the status is not 200; status 403, application/problem+json: \"Forbidden\"\n",
        ),
        (
            response(
                200,
                "application/json",
                r#"{"accessToken":"abcdefghijkl|mnopqrst"}"#,
            ),
            "https://host.invalid/t did not return a token: it has no access_token; status 200, application/json: \"members: accessToken\"\n",
        ),
        (
            response(
                401,
                "application/json",
                r#"{"statusCode":401,"message":"missing subscription key"}"#,
            ),
            "https://host.invalid/t answered with status 401 without an OAuth error: \"missing subscription key\"\nhint: check the URL first, because a gateway in front",
        ),
        (
            Response {
                schemes: vec!["Negotiate".into(), "Basic".into()],
                ..response(401, "text/plain", "")
            },
            "https://host.invalid/t answered with status 401 without an OAuth error and asked for Negotiate, Basic\n",
        ),
        (
            Response {
                content_encoding: Some("gzip".into()),
                ..response(200, "application/json", "\u{1f}\u{8b}\u{8}\0")
            },
            "https://host.invalid/t did not return a token: the body is not text; status 200, application/json, unrequested Content-Encoding gzip\n",
        ),
        (
            Response {
                location: Some("https://user:word@elsewhere.invalid/login?key=value#part".into()),
                ..response(302, "text/html", "")
            },
            "https://host.invalid/t did not return a token: it redirects to https://elsewhere.invalid/login, where the secret is not sent; status 302, text/html\n",
        ),
        (
            Response {
                location: Some("https://s3cret/S3cret".into()),
                ..response(302, "", "")
            },
            "it redirects to (not shown: it quotes the client secret), where",
        ),
        (
            Response {
                location: Some("mailto:a@host.invalid".into()),
                ..response(302, "", "")
            },
            "it redirects to mailto:a@host.invalid, where",
        ),
    ] {
        assert!(says(&response).contains(words), "{}", says(&response));
    }
}

#[test]
fn no_value_that_may_be_a_token_is_shown() {
    for body in [
        "s3kr1t|token".to_owned(),
        r#""s3kr1t|token""#.into(),
        r#""s3kr1t token""#.into(),
        r#"["s3kr1t"]"#.into(),
        r#"{"access_token":"s3kr1t","token_type":"mac"}"#.into(),
        r#"{"access_token":"s3kr1t"#.into(),
        r#"{"data":{"message":"s3kr1t"}}"#.into(),
        r#""{\"token\":\"s3kr1t\"}""#.into(),
        "<access_token>s3kr1t</access_token>".into(),
        ")]}',\n{\"access_token\":\"s3kr1t\"}".into(),
        "\0s3kr1t".into(),
        "\u{1b}[31m s3kr1t".into(),
        format!("s3kr1t!{}", "abc|".repeat(9)),
        format!("{} s3kr1t", "{".repeat(BODY_LIMIT)),
    ] {
        // A short word of plain text is shown.
        let is_shown = says(&response(200, "text/plain", &body)).contains("s3kr1t");
        assert_eq!(is_shown, body == "s3kr1t|token", "{body}");
    }
}

#[test]
fn unknown_members_keep_their_place_and_digits() {
    let body = r#"{"z":1.50,"access_token":"t","a":12345678901234567890123,"b":{"y":1,"x":2}}"#;
    let members = Value::Object(read(200, "application/json", body).unwrap().members).to_string();
    assert_eq!(members, body.replace(r#""t""#, "null"));
}

/// JSON that could be a body: the members that matter, with every kind of value.
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
    fn every_response_is_a_token_or_a_failure_in_words(
        body in bodies(), status in prop_oneof![2 => Just(200_u16), 1 => 200_u16..600],
        content_type in prop::option::of("(text/plain|text/html|application/json|\\PC{0,10})"),
        header in prop::option::of("\\PC{0,20}"), now in -1_000_000_i64..4_000_000_000_000,
    ) {
        let response = Response {
            status,
            content_type,
            content_encoding: header.clone(),
            location: header.clone(),
            retry_after: header.clone(),
            schemes: header.into_iter().collect(),
            body,
        };
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
                prop_assert!(error.retry == Retry::Never || matches!(status, 408 | 429 | 500 | 502..=504 | 520..=524 | 530));
            }
        }
    }
}
