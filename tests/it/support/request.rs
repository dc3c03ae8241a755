//! A request that the scripted server received.

use std::io;

use super::wire::Wire;

/// Larger than any request of the program.
const REQUEST_LIMIT: usize = 64 * 1024;

#[derive(Clone)]
pub struct Request {
    /// Method, target and version.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Everything after the head.
    pub body: String,
}

impl Request {
    /// Returns `None` if the client closes the connection early.
    pub fn read(wire: &mut Wire) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let end_of_head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end_of_head {
                let mut request = Self::parse(&String::from_utf8_lossy(&bytes[..end]));
                let length: usize = request
                    .header("content-length")
                    .map_or(0, |value| value.parse().unwrap());
                let body = &bytes[end + 4..];
                if body.len() >= length {
                    request.body = String::from_utf8_lossy(body).into_owned();
                    return Ok(Some(request));
                }
            }
            let count = wire.read(&mut buffer)?;
            if count == 0 || bytes.len() > REQUEST_LIMIT {
                return Ok(None);
            }
            bytes.extend(&buffer[..count]);
        }
    }

    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self {
            line,
            headers: lines.map(header).collect(),
            body: String::new(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a form field, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.line, self.headers, self.body)
    }
}
