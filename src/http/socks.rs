//! Asks a SOCKS 5 proxy to connect to the host (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;

use zeroize::Zeroizing;

use super::connection::Stream;
use super::proxy::Proxy;

/// Asks the proxy to connect to `host`, an address or a name.
///
/// # Errors
/// If it does not connect. Of the kinds of error, those for an unreachable host are transient.
pub fn connect(stream: &mut dyn Stream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
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

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
