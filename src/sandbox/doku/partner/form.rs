//! `multipart/form-data` as far as an upload needs it (RFC 7578). It reads, and says nothing of what is right in it.

/// One part of a form.
pub struct Part<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
}

/// The parts of a body; `None` where it is no form of this content type.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|one| one.trim().strip_prefix("boundary="))?.trim_matches('"');
    let delimiter = format!("--{boundary}").into_bytes();
    let mut parts = Vec::new();
    let mut rest = &body[find(body, &delimiter)? + delimiter.len()..];
    while let Some(opened) = rest.strip_prefix(b"\r\n") {
        let end = find(opened, &[b"\r\n", delimiter.as_slice()].concat())?;
        let part = &opened[..end];
        let head = find(part, b"\r\n\r\n")?;
        let name = std::str::from_utf8(&part[..head]).ok()?.split("name=\"").nth(1)?.split('"').next()?;
        parts.push(Part { name, content: &part[head + 4..] });
        rest = &opened[end + 2 + delimiter.len()..];
    }
    rest.starts_with(b"--").then_some(parts)
}

fn find(all: &[u8], wanted: &[u8]) -> Option<usize> {
    all.windows(wanted.len()).position(|window| window == wanted)
}
