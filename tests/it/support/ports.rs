//! Ports of loopback without a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, SockAddr, Socket, Type};

/// Any free port of 127.0.0.1.
const LOOPBACK: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A port that refuses connections while the socket is kept: bound, but not listening.
pub fn closed_port() -> (Socket, String) {
    let socket = bound(LOOPBACK.into());
    let url = url_of(&socket);
    (socket, url)
}

/// A port that never answers a connection while the sockets are kept: its queue is full.
pub fn deaf_port() -> (Vec<Socket>, String) {
    deaf_port_at(LOOPBACK.into())
}

/// Like [`deaf_port`], at this address and port.
pub fn deaf_port_at(address: SocketAddr) -> (Vec<Socket>, String) {
    let listener = bound(address);
    listener.listen(0).unwrap();
    let url = url_of(&listener);
    let address = listener.local_addr().unwrap();
    let fill = |_| {
        let domain = Domain::for_address(address.as_socket().unwrap());
        let socket = Socket::new(domain, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // Stays in progress.
        let _ = socket.connect(&address);
        socket
    };
    let sockets = (0..4).map(fill).chain([listener]).collect();
    (sockets, url)
}

fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::from(address)).unwrap();
    socket
}

fn url_of(socket: &Socket) -> String {
    format!(
        "http://{}",
        socket.local_addr().unwrap().as_socket().unwrap()
    )
}
