//! Who issued a certificate that is not trusted. webpki does not show names, so they are read from DER here.

use std::fmt;

use rustls::pki_types::CertificateDer;

/// The issuer of a certificate, as a verification error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownIssuer {
    /// The certificate's own subject.
    Itself,
    /// The common name, or else the organization, of another.
    Named(String),
}

impl UnknownIssuer {
    /// Reads the issuer of a certificate; `None` if it has no name that can be shown.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        match certificate.issuer() == certificate.subject() {
            true => Some(Self::Itself),
            false => display_name(certificate.issuer()).map(Self::Named),
        }
    }
}

impl fmt::Display for UnknownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown issuer")
    }
}

impl std::error::Error for UnknownIssuer {}

/// The common name of an X.501 name (RFC 5280 §4.1.2.4), or else the organization.
fn display_name(mut name: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const ORGANIZATION: &[u8] = &[0x55, 4, 10];
    let (mut common_name, mut organization) = (None, None);
    while let Some((set, rest)) = value(name) {
        name = rest;
        let (attribute, _) = value(set)?;
        let (kind, rest) = value(attribute)?;
        let (text, _) = value(rest)?;
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            COMMON_NAME => common_name = Some(text),
            ORGANIZATION => organization = Some(text),
            _ => {}
        }
    }
    common_name.or(organization)
}

/// The value that `der` begins with, whatever its tag, and what follows it. Lengths over 65,535 are not read.
fn value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match *der {
        [_, length @ 0..=0x7f, ref rest @ ..] => (usize::from(length), rest),
        [_, 0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [_, 0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(distinguished_name: &[(rcgen::DnType, &str)]) -> Option<UnknownIssuer> {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in distinguished_name {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.invalid".to_owned()]).unwrap();
        UnknownIssuer::of(params.signed_by(&key, &ca).unwrap().der())
    }

    #[test]
    fn an_issuer_is_named_by_its_common_name_or_organization() {
        use rcgen::DnType::{CommonName, CountryName, OrganizationName};
        let long = "x".repeat(300);
        for (name, expected) in [
            (
                &[(OrganizationName, "Org"), (CommonName, "Corp CA")][..],
                Some("Corp CA"),
            ),
            (
                &[(CountryName, "CH"), (OrganizationName, "Zürich Ltd")],
                Some("Zürich Ltd"),
            ),
            (&[(CommonName, &long)], Some(&long)),
            (&[(CountryName, "CH")], None),
        ] {
            let expected = expected.map(|name| UnknownIssuer::Named(name.to_owned()));
            assert_eq!(issuer(name), expected);
        }
    }

    #[test]
    fn a_self_signed_certificate_is_its_own_issuer() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["host.invalid".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(
            UnknownIssuer::of(certificate.der()),
            Some(UnknownIssuer::Itself)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let _ = display_name(&bytes);
        }
    }
}
