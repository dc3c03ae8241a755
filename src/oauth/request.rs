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

/// An access token request (RFC 6749 §4.4.2).
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The client that asks.
    pub credentials: ClientCredentials,
    /// Further parameters, such as `scope`, already form-urlencoded; empty if there are none.
    pub parameters: String,
}

impl TokenRequest {
    /// The body, `application/x-www-form-urlencoded`; wiped when dropped.
    pub fn form_body(&self) -> Zeroizing<String> {
        const GRANT: &str = "grant_type=client_credentials&client_id=";
        const SECRET: &str = "&client_secret=";
        let ClientCredentials { id, secret } = &self.credentials;
        let (id, secret, parameters) = (id.0.as_str(), secret.expose(), &self.parameters);
        // An encoded byte takes three at most, so the string never grows and leaves no copy behind.
        let fixed = GRANT.len() + SECRET.len() + "&".len() + parameters.len();
        let mut body = Zeroizing::new(String::with_capacity(fixed + 3 * (id.len() + secret.len())));
        body.push_str(GRANT);
        body.extend(form_urlencoded::byte_serialize(id.as_bytes()));
        body.push_str(SECRET);
        body.extend(form_urlencoded::byte_serialize(secret.as_bytes()));
        if !parameters.is_empty() {
            body.push('&');
            body.push_str(parameters);
        }
        body
    }
}

impl From<ClientCredentials> for TokenRequest {
    /// Without further parameters.
    fn from(credentials: ClientCredentials) -> Self {
        Self {
            credentials,
            parameters: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, secret: &str, parameters: &str) -> TokenRequest {
        TokenRequest {
            credentials: ClientCredentials {
                id: ClientId(id.to_owned()),
                secret: ClientSecret::new(secret.to_owned()),
            },
            parameters: parameters.to_owned(),
        }
    }

    #[test]
    fn id_and_secret_are_form_urlencoded_and_parameters_sent_as_given() {
        let (id, secret) = ("a b+c/é", "&=%\"'\\*-._~");
        let credentials = "grant_type=client_credentials&client_id=a+b%2Bc%2F%C3%A9\
                           &client_secret=%26%3D%25%22%27%5C*-._%7E";
        for (parameters, appended) in [("", ""), ("scope=a%20b&x=1", "&scope=a%20b&x=1")] {
            let body = request(id, secret, parameters).form_body();
            assert_eq!(body.as_str(), format!("{credentials}{appended}"));
        }
    }

    /// Growing would leave a copy of the secret behind.
    #[test]
    fn the_form_body_never_grows() {
        let body = request(&"é".repeat(50), &"%".repeat(50), "a=b").form_body();
        assert_eq!(body.capacity(), body.len());
    }
}
