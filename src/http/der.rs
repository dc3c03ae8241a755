//! Fields of a certificate that webpki verifies but does not show, out of its DER (RFC 5280 §4.1).

/// The common name of an X.501 name, or else the organization.
pub fn display_name(mut name: &[u8]) -> Option<String> {
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

/// Whether the extended key usage permits a server, which it does if there is none. `None` if it cannot be read.
pub fn permits_server(certificate: &[u8]) -> Option<bool> {
    const EXTENSIONS: u8 = 0xa3;
    const BOOLEAN: u8 = 1;
    const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    let (certificate, _) = value(certificate)?;
    let (mut fields, _) = value(certificate)?;
    while let Some((field, rest)) = value(fields) {
        if fields.first() != Some(&EXTENSIONS) {
            fields = rest;
            continue;
        }
        let (mut extensions, _) = value(field)?;
        while let Some((extension, rest)) = value(extensions) {
            extensions = rest;
            let (id, mut rest) = value(extension)?;
            if id != EXTENDED_KEY_USAGE {
                continue;
            }
            if rest.first() == Some(&BOOLEAN) {
                (_, rest) = value(rest)?;
            }
            let (octets, _) = value(rest)?;
            let (mut purposes, _) = value(octets)?;
            while let Some((purpose, rest)) = value(purposes) {
                if purpose == SERVER_AUTH {
                    return Some(true);
                }
                purposes = rest;
            }
            return Some(false);
        }
        break;
    }
    Some(true)
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
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};

    use super::*;

    #[test]
    fn the_extended_key_usage_decides_whether_a_certificate_is_for_a_server() {
        use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, ServerAuth};
        for (purposes, expected) in [
            (vec![], true),
            (vec![ServerAuth], true),
            (vec![ClientAuth, ServerAuth], true),
            (vec![ClientAuth], false),
            (vec![CodeSigning, ClientAuth], false),
        ] {
            let mut params = CertificateParams::new(["host.invalid".to_owned()]).unwrap();
            params.extended_key_usages = purposes;
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(permits_server(certificate.der()), Some(expected));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let _ = display_name(&bytes);
            let _ = permits_server(&bytes);
        }
    }
}
