//! Ports of loopback where no server is.

use std::net::SocketAddr;

use socket2::{Domain, SockAddr, Socket, Type};

/// A port that refuses connections, for as long as the socket is kept: bound, and nobody listens.
pub fn closed_port() -> (Socket, String) {
    let socket = bound();
    let url = url_of(&socket);
    (socket, url)
}

/// A port that never answers a connection, for as long as the sockets are kept: its queue is full.
pub fn deaf_port() -> (Vec<Socket>, String) {
    let listener = bound();
    listener.listen(0).unwrap();
    let url = url_of(&listener);
    let address = listener.local_addr().unwrap();
    let fill = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // In progress for ever.
        let _ = socket.connect(&address);
        socket
    };
    let sockets = (0..4).map(fill).chain([listener]).collect();
    (sockets, url)
}

fn bound() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&SockAddr::from(loopback)).unwrap();
    socket
}

fn url_of(socket: &Socket) -> String {
    format!(
        "http://{}",
        socket.local_addr().unwrap().as_socket().unwrap()
    )
}
