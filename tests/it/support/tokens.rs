//! Tokens and the answers that carry them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The token of every test that does not care: a JWT that lives 3,600 s by its own claims.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\
    .eyJpc3MiOiJ0ZXN0IiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9\
    .dGhpcy1pcy10aGUtc2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbg";

/// A token of JWT shape with these claims, its signature made up.
pub fn jwt(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.dGhpcy1pcy10aGUtc2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbg")
}

/// The body of an ordinary answer.
pub fn token_json() -> String {
    json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600 }).to_string()
}
