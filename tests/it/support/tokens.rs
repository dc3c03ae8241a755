//! Tokens and token responses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The token of tests in which it does not matter: a JWT that is valid for 3,600 s by its claims.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\
    .eyJpc3MiOiJ0ZXN0IiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9\
    .dGhpcy1pcy10aGUtc2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbg";

/// A JWT with these claims and a made-up signature.
pub fn jwt(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.dGhpcy1pcy10aGUtc2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbg")
}

/// The body of an ordinary token response.
pub fn token_json() -> String {
    json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600 }).to_string()
}
