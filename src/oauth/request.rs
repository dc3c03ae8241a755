//! The access token request (RFC 6749 §4.4.2) with the client's password in its body (§2.3.1).

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::ClientSecret;

/// Names an OAuth client (RFC 6749 §2.2). Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(pub String);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client id and its secret (RFC 6749 §2.3.1).
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// Who asks.
    pub id: ClientId,
    /// The proof.
    pub secret: ClientSecret,
}

impl ClientCredentials {
    /// The body of the request, `application/x-www-form-urlencoded`; wiped when dropped.
    pub fn form_body(&self) -> Zeroizing<String> {
        const GRANT: &str = "grant_type=client_credentials&client_id=";
        const SECRET: &str = "&client_secret=";
        let (id, secret) = (self.id.0.as_str(), self.secret.expose());
        // Each byte becomes three at the most, so the string never grows and leaves no copy behind.
        let capacity = GRANT.len() + SECRET.len() + 3 * (id.len() + secret.len());
        let mut body = Zeroizing::new(String::with_capacity(capacity));
        body.push_str(GRANT);
        body.extend(form_urlencoded::byte_serialize(id.as_bytes()));
        body.push_str(SECRET);
        body.extend(form_urlencoded::byte_serialize(secret.as_bytes()));
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_form_urlencoded() {
        let credentials = ClientCredentials {
            id: ClientId("a b+c/é".into()),
            secret: ClientSecret::new("&=%\"'\\*-._~".into()),
        };
        assert_eq!(
            credentials.form_body().as_str(),
            "grant_type=client_credentials&client_id=a+b%2Bc%2F%C3%A9\
             &client_secret=%26%3D%25%22%27%5C*-._%7E"
        );
    }

    /// A string that grows leaves a copy of the secret behind.
    #[test]
    fn the_form_body_never_grows() {
        let credentials = ClientCredentials {
            id: ClientId("é".repeat(50)),
            secret: ClientSecret::new("%".repeat(50)),
        };
        let body = credentials.form_body();
        assert_eq!(body.capacity(), body.len());
    }
}
