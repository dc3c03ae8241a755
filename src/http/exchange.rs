//! One HTTP/1.1 request and its response over an open connection.

use std::io::{self, ErrorKind};

use http::{HeaderMap, HeaderName, Request, header};
use ureq_proto::BodyMode;
use ureq_proto::client::{
    Call, RecvResponseResult, SendRequestResult,
    state::{RecvBody, RecvResponse},
};

use super::connection::Stream;
use crate::oauth::{BODY_LIMIT, Response, challenge_schemes};

pub const USER_AGENT: &str = concat!("cells-token/", env!("CARGO_PKG_VERSION"));

/// The longest status line and header section that is read, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// How much is read at once.
const BUFFER: usize = 8 * 1024;

/// Sends a request that has a body, and reads the response.
///
/// # Errors
/// I/O errors, and `InvalidData` if the response is not HTTP.
pub fn post(stream: &mut dyn Stream, request: Request<()>, body: &str) -> io::Result<Response> {
    let (head, call, rest) = send(stream, request, body)?;
    let headers = head.headers();
    let header = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    Ok(Response {
        status: head.status().as_u16(),
        content_type: header(header::CONTENT_TYPE),
        content_encoding: header(header::CONTENT_ENCODING),
        location: header(header::LOCATION),
        retry_after: header(header::RETRY_AFTER),
        schemes: schemes(headers, &header::WWW_AUTHENTICATE),
        body: match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => read_body(stream, call, rest)?,
            _ => Vec::new(),
        },
    })
}

/// Asks a proxy to connect to a host (RFC 9110 §9.3.6). Returns the status, 2xx if it has done so, and the authentication
/// schemes that came with it.
///
/// # Errors
/// I/O errors, and `InvalidData` if the response is not HTTP or has a body.
pub fn connect(stream: &mut dyn Stream, request: Request<()>) -> io::Result<(u16, Vec<String>)> {
    let (head, _, rest) = send(stream, request, "")?;
    // TLS and HTTP begin with the client: what follows the head is not the host's.
    if head.status().is_success() && !rest.is_empty() {
        return Err(invalid("its answer to CONNECT has a body"));
    }
    let schemes = schemes(head.headers(), &header::PROXY_AUTHENTICATE);
    Ok((head.status().as_u16(), schemes))
}

/// The status and header fields, the state that reads the body, and what has been read after the head.
type Head = (http::Response<()>, Call<RecvResponse>, Vec<u8>);

fn send(stream: &mut dyn Stream, request: Request<()>, body: &str) -> io::Result<Head> {
    let mut call = Call::new(request).map_err(invalid)?.proceed();
    let mut buffer = [0; BUFFER];
    while !call.can_proceed() {
        let length = call.write(&mut buffer).map_err(invalid)?;
        stream.write_all(&buffer[..length])?;
    }
    let mut call = match call.proceed().map_err(invalid)? {
        Some(SendRequestResult::RecvResponse(call)) => call,
        Some(SendRequestResult::SendBody(mut call)) => {
            stream.write_all(body.as_bytes())?;
            call.consume_direct_write(body.len()).map_err(invalid)?;
            call.proceed().ok_or_else(|| invalid("incomplete body"))?
        }
        _ => return Err(invalid("incomplete request")),
    };
    stream.flush()?;
    let mut received = Vec::new();
    loop {
        // Without a response, it consumes an informational one (1xx).
        let (length, head) = call.try_response(&received, false).map_err(invalid)?;
        let head_length = head.as_ref().map_or(received.len(), |_| length);
        if head_length > HEAD_LIMIT {
            return Err(invalid("its header section is over 64 KiB"));
        }
        received.drain(..length);
        if let Some(head) = head {
            return Ok((head, call, received));
        }
        if length == 0 && receive(stream, &mut received)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads the body, up to one byte more than [`BODY_LIMIT`].
fn read_body(
    stream: &mut dyn Stream,
    mut call: Call<RecvBody>,
    mut received: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let ends_with_connection = call.body_mode() == BodyMode::CloseDelimited;
    let mut body = vec![0; BODY_LIMIT + 1];
    let mut length = 0;
    loop {
        let (used, read) = call.read(&received, &mut body[length..]).map_err(invalid)?;
        received.drain(..used);
        length += read;
        let is_complete = call.can_proceed() && !ends_with_connection;
        if is_complete || length == body.len() {
            break;
        }
        if used == 0 && receive(stream, &mut received)? == 0 {
            match ends_with_connection || call.is_ended_chunked() {
                true => break,
                false => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }
    body.truncate(length);
    body.shrink_to_fit();
    Ok(body)
}

/// Appends what can be read. Returns its length, zero at the end.
fn receive(stream: &mut dyn Stream, received: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; BUFFER];
    loop {
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(read) => {
                received.extend(&buffer[..read]);
                return Ok(read);
            }
        }
    }
}

fn schemes(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let challenges = headers.get_all(name).iter();
    let challenges = challenges.filter_map(|value| value.to_str().ok());
    challenges.flat_map(challenge_schemes).collect()
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}
