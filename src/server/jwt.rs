//! HS256 (RFC 7518 §3.2) for jsonwebtoken, from ring: its own choices are in Cargo.toml's comment.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header};
use ring::hmac;
use serde_json::Value;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Signs `claims`.
///
/// # Errors
/// None that could be named: HS256 takes any key and any claims.
pub fn encode(claims: &Value, key: &EncodingKey) -> Result<String, Error> {
    // The second time it says that it has one already.
    let _ = PROVIDER.install_default();
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key)
}

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256(hmac::Key::new(
            hmac::HMAC_SHA256,
            key.as_bytes(),
        )))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// Nothing is verified here: the token is for an API to check.
fn verifier(_: &Algorithm, _: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl dgst -sha256 -hmac key` computes it.
    #[test]
    fn the_signature_is_hmac_sha_256_of_the_first_two_parts() {
        let key = EncodingKey::from_secret(b"key");
        let token = encode(&serde_json::json!({ "a": 1 }), &key).unwrap();
        assert_eq!(
            token,
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.7G3zNPzOu-Lmc3do_j9MqATZwG2Ff8hUMFhXlUXsWi4"
        );
    }
}
