//! The access token request (RFC 6749 §4.4.2) and the client's credentials (§2.3.1) as they come off the wire. Pure.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::parse;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use zeroize::Zeroizing;

use crate::oauth::{ClientCredentials, ClientId};
use crate::secret::ClientSecret;

/// The one grant that is for programs without a person (RFC 6749 §4.4).
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// What is wrong with a request, in the words of RFC 6749 §5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `invalid_request`, for this reason.
    InvalidRequest(&'static str),
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `invalid_client`: no credentials, or none that can be read.
    InvalidClient,
}

/// The credentials of a well-formed request for the client credentials grant.
///
/// # Errors
/// As [`Fault`] lists.
pub fn credentials(request: &Request<Bytes>) -> Result<ClientCredentials, Fault> {
    if !is_form(request) {
        return Err(Fault::InvalidRequest(
            "the body is not application/x-www-form-urlencoded",
        ));
    }
    let form = Form::parse(request.body())?;
    let credentials = match (basic(request), form.id, form.secret) {
        (Some(_), _, Some(_)) => {
            return Err(Fault::InvalidRequest(
                "the client authenticates in two ways at once",
            ));
        }
        (Some(basic), ..) => basic.ok_or(Fault::InvalidClient)?,
        (None, Some(id), Some(secret)) => ClientCredentials {
            id: ClientId(id),
            secret,
        },
        (None, ..) => return Err(Fault::InvalidClient),
    };
    match form.grant.as_deref() {
        Some(CLIENT_CREDENTIALS) => Ok(credentials),
        Some(_) => Err(Fault::UnsupportedGrantType),
        None => Err(Fault::InvalidRequest("grant_type is missing")),
    }
}

/// What follows `Bearer` (RFC 6750 §2.1) in a request that has no credentials of a client: a key of the caller's own.
/// Such a request may have no body.
///
/// # Errors
/// As for [`credentials`].
pub fn caller_key(request: &Request<Bytes>) -> Option<Result<&[u8], Fault>> {
    let (scheme, key) = split_once_at_space(request.headers().get(AUTHORIZATION)?.as_bytes())?;
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    if request.body().is_empty() {
        return Some(Ok(key));
    }
    if !is_form(request) {
        return None;
    }
    match Form::parse(request.body()) {
        Err(fault) => Some(Err(fault)),
        Ok(Form {
            id: None,
            secret: None,
            grant,
        }) => match grant.as_deref() {
            None | Some(CLIENT_CREDENTIALS) => Some(Ok(key)),
            Some(_) => Some(Err(Fault::UnsupportedGrantType)),
        },
        Ok(_) => None,
    }
}

fn split_once_at_space(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    Some((&value[..space], value[space..].trim_ascii()))
}

/// The parameters that matter; others are ignored (RFC 6749 §3.2).
#[derive(Default)]
struct Form {
    grant: Option<String>,
    id: Option<String>,
    secret: Option<ClientSecret>,
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, Fault> {
        let mut form = Self::default();
        for (name, value) in parse(body) {
            // One without a value counts as left out (§3.2).
            if value.is_empty() {
                continue;
            }
            let value = value.into_owned();
            let before = match &*name {
                "grant_type" => form.grant.replace(value).map(drop),
                "client_id" => form.id.replace(value).map(drop),
                "client_secret" => form.secret.replace(ClientSecret::new(value)).map(drop),
                _ => None,
            };
            if before.is_some() {
                return Err(Fault::InvalidRequest("a parameter is given more than once"));
            }
        }
        Ok(form)
    }
}

fn is_form(request: &Request<Bytes>) -> bool {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let kind = value.split_once(';').map_or(value, |(kind, _)| kind);
        kind.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// The credentials of HTTP Basic, each of them form-urlencoded first (RFC 6749 §2.3.1); the inner `None` if they
/// cannot be read.
fn basic(request: &Request<Bytes>) -> Option<Option<ClientCredentials>> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| {
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
        let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(ClientCredentials {
            id: ClientId(form_decoded(id)),
            secret: ClientSecret::new(form_decoded(secret)),
        })
    })
}

/// One value without a name.
fn form_decoded(text: &str) -> String {
    // As the name of a lonely parameter. Clients that form-encode nothing may leave what separates parameters in it.
    let lonely = text.replace('&', "%26").replace('=', "%3D");
    parse(lonely.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use hyper::http::request;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn read(
        content_type: &str,
        authorization: Option<&str>,
        body: &str,
    ) -> Result<(String, String), Fault> {
        let mut request = request::Builder::new().header(CONTENT_TYPE, content_type);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        credentials(&request).map(|read| (read.id.0, read.secret.expose().to_owned()))
    }

    #[test]
    fn credentials_are_read_from_the_form_or_from_basic() {
        let grant = "grant_type=client_credentials";
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for (authorization, body, id, secret) in [
            (
                None,
                format!("{grant}&client_id=a+b%2B&client_secret=%26%3D+"),
                "a b+",
                "&= ",
            ),
            (
                None,
                format!("client_secret=s&scope=x&scope=y&client_id=i&{grant}"),
                "i",
                "s",
            ),
            (Some(basic("i:s")), grant.to_owned(), "i", "s"),
            (
                Some(basic("a+b:%26%3D")),
                format!("{grant}&client_id=a+b"),
                "a b",
                "&=",
            ),
            (
                Some(basic("i:s:=&x").replace("Basic", "bAsIc")),
                grant.to_owned(),
                "i",
                "s:=&x",
            ),
            (
                Some("Bearer key".to_owned()),
                format!("{grant}&client_id=i&client_secret=s"),
                "i",
                "s",
            ),
        ] {
            for content_type in [FORM, "Application/X-WWW-Form-Urlencoded; charset=utf-8"] {
                let read = read(content_type, authorization.as_deref(), &body).unwrap();
                assert_eq!(
                    read,
                    (id.to_owned(), secret.to_owned()),
                    "{authorization:?} {body}"
                );
            }
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        use Fault::{InvalidClient, InvalidRequest, UnsupportedGrantType};
        let good = "grant_type=client_credentials&client_id=i&client_secret=s";
        let twice = "a parameter is given more than once";
        for (content_type, authorization, body, fault) in [
            (
                "application/json",
                None,
                good,
                InvalidRequest("the body is not application/x-www-form-urlencoded"),
            ),
            (
                "",
                None,
                good,
                InvalidRequest("the body is not application/x-www-form-urlencoded"),
            ),
            (
                FORM,
                None,
                "client_id=i&client_secret=s",
                InvalidRequest("grant_type is missing"),
            ),
            (
                FORM,
                None,
                "grant_type=&client_id=i&client_secret=s",
                InvalidRequest("grant_type is missing"),
            ),
            (
                FORM,
                None,
                "grant_type=password&client_id=i&client_secret=s",
                UnsupportedGrantType,
            ),
            (FORM, None, "grant_type=client_credentials", InvalidClient),
            (
                FORM,
                None,
                "grant_type=client_credentials&client_id=i&client_secret=",
                InvalidClient,
            ),
            (FORM, None, "", InvalidClient),
            (
                FORM,
                None,
                "grant_type=a&grant_type=b&client_id=i&client_secret=s",
                InvalidRequest(twice),
            ),
            (
                FORM,
                None,
                "client_id=i&client_id=i&client_secret=s",
                InvalidRequest(twice),
            ),
            (
                FORM,
                None,
                "client_id=i&client_secret=s&client_secret=s",
                InvalidRequest(twice),
            ),
            (
                FORM,
                Some("Basic aTpz"),
                good,
                InvalidRequest("the client authenticates in two ways at once"),
            ),
            (
                FORM,
                Some("Basic aTp"),
                "grant_type=client_credentials",
                InvalidClient,
            ),
            (
                FORM,
                Some("Basic aQ=="),
                "grant_type=client_credentials",
                InvalidClient,
            ),
            (
                FORM,
                Some("Basic"),
                "grant_type=client_credentials",
                InvalidClient,
            ),
        ] {
            assert_eq!(
                read(content_type, authorization, body),
                Err(fault),
                "{content_type} {authorization:?} {body}"
            );
        }
    }
}
