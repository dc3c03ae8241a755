//! Asks a proxy to connect to the host: CONNECT (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::connection::Stream;
use super::exchange::{HEAD_LIMIT, USER_AGENT, invalid};
use super::proxy::Proxy;
use crate::oauth::challenge_schemes;

/// More header fields than a proxy sends.
const MOST_FIELDS: usize = 128;

/// An HTTP status, and the authentication schemes that came with it.
type Answer = (u16, Vec<String>);

/// Asks an HTTP proxy to connect to `host_and_port`. It has done so if the status is 2xx.
///
/// # Errors
/// I/O errors, and `InvalidData` if the answer is not HTTP or has a body.
pub fn http(stream: &mut dyn Stream, proxy: &Proxy, host_and_port: &str) -> io::Result<Answer> {
    let mut request = Zeroizing::new(format!(
        "CONNECT {host_and_port} HTTP/1.1\r\nHost: {host_and_port}\r\nUser-Agent: {USER_AGENT}\r\n\
         Proxy-Connection: Keep-Alive\r\n"
    ));
    if let Some((user, password)) = proxy.credentials() {
        let userinfo = Zeroizing::new(format!("{user}:{password}"));
        request.push_str("Proxy-Authorization: Basic ");
        BASE64_STANDARD.encode_string(&*userinfo, &mut request);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while received.len() <= HEAD_LIMIT {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => received.extend(&buffer[..read]),
        }
        while let Some((length, (status, schemes))) = head(&received)? {
            match status {
                100..=199 => drop(received.drain(..length)),
                // TLS and HTTP begin with the client: what follows the head is not the host's.
                200..=299 if length < received.len() => {
                    return Err(invalid("its answer to CONNECT has a body"));
                }
                _ => return Ok((status, schemes)),
            }
        }
    }
    Err(invalid("its header section is over 64 KiB"))
}

/// The length of the head that `answer` begins with, and what it says; `None` if more is to come.
fn head(answer: &[u8]) -> io::Result<Option<(usize, Answer)>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(answer).map_err(invalid)? else {
        return Ok(None);
    };
    let challenges = head.headers.iter();
    let challenges =
        challenges.filter(|field| field.name.eq_ignore_ascii_case("Proxy-Authenticate"));
    let schemes =
        challenges.flat_map(|field| challenge_schemes(&String::from_utf8_lossy(field.value)));
    let status = head.code.unwrap_or_default();
    Ok(Some((length, (status, schemes.collect()))))
}

/// Asks a SOCKS 5 proxy to connect to `host`, an address or a name.
///
/// # Errors
/// If it does not connect. Of the kinds of error, those for an unreachable host are transient.
pub fn socks(stream: &mut dyn Stream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let credentials = proxy.credentials();
    let methods: &[u8] = match credentials {
        Some(_) => &[5, 2, 2, 0],
        None => &[5, 1, 0],
    };
    stream.write_all(methods)?;
    match (receive(stream)?, credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut request = Zeroizing::new(vec![1]);
            for text in [user, password] {
                let too_long = |_| invalid("its user name or password is over 255 bytes");
                request.push(u8::try_from(text.len()).map_err(too_long)?);
                request.extend(text.as_bytes());
            }
            stream.write_all(&request)?;
            if !matches!(receive(stream)?, [_, 0]) {
                return Err(invalid("it refused the user name and password"));
            }
        }
        ([5, _], Some(_)) => return Err(invalid("it requires another authentication method")),
        ([5, _], None) => return Err(invalid("it requires a user name and password")),
        _ => return Err(invalid(NOT_SOCKS)),
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => request.extend([&[1], &address.octets()[..]].concat()),
        Ok(IpAddr::V6(address)) => request.extend([&[4], &address.octets()[..]].concat()),
        Err(_) => {
            let too_long = |_| invalid("the host's name is too long for it");
            let length = u8::try_from(host.len()).map_err(too_long)?;
            request.extend([&[3, length], host.as_bytes()].concat());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request)?;
    let [version, reply, _, address_type] = receive(stream)?;
    let unreachable = |why| Err(io::Error::new(io::ErrorKind::HostUnreachable, why));
    match (version, reply) {
        (5, 0) => {}
        (5, 2) => return Err(invalid("its rules do not allow the connection")),
        (5, 3) => return unreachable("the network is unreachable from it"),
        (5, 4) => return unreachable("the host is unreachable from it"),
        (5, 5) => return unreachable("the host refused its connection"),
        (5, 6) => return unreachable("its connection timed out"),
        (5, _) => return Err(invalid("it failed")),
        _ => return Err(invalid(NOT_SOCKS)),
    }
    // The address and port it connects from are of no use.
    match address_type {
        1 => receive::<6>(stream).map(drop),
        4 => receive::<18>(stream).map(drop),
        3 => {
            let [length] = receive(stream)?;
            stream.read_exact(&mut vec![0; usize::from(length) + 2])
        }
        _ => Err(invalid(NOT_SOCKS)),
    }
}

const NOT_SOCKS: &str = "its answer is not SOCKS";

fn receive<const N: usize>(stream: &mut dyn Stream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
