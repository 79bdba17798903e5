//! Files for uploads: small ones of each kind, and such as are not what they seem.

use std::path::{Path, PathBuf};

use paystrator::crypto::sha256;
use serde_json::Value;

use super::World;
use super::http::Caller;

/// A PDF of this many bytes that differs from others by its `seed`.
pub fn pdf(seed: u64, size: usize) -> Vec<u8> {
    wrapped(b"%PDF-1.7\n", seed, size, b"\n%%EOF\n")
}

/// A JPEG with a picture this large, and a comment of `before` bytes before that is said.
pub fn jpeg(width: u16, height: u16, before: usize) -> Vec<u8> {
    let mut bytes = b"\xff\xd8".to_vec();
    let mut left = before;
    loop {
        let now = left.min(60_000);
        bytes.extend_from_slice(b"\xff\xfe");
        bytes.extend_from_slice(&(now as u16 + 2).to_be_bytes());
        bytes.extend(noise(7, now));
        left -= now;
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(b"\xff\xc0\x00\x0b\x08");
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(b"\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\xff\xd9");
    bytes
}

/// A PNG with a picture this large.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(b"\x08\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00IEND\xae\x42\x60\x82");
    bytes
}

fn wrapped(begin: &[u8], seed: u64, size: usize, end: &[u8]) -> Vec<u8> {
    let middle = noise(seed, size - begin.len() - end.len());
    [begin, &middle, end].concat()
}

/// Bytes that look like nothing, the same for the same seed.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 32);
    let mut block = sha256(&[&seed.to_be_bytes()]);
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
        block = sha256(&[&block]);
    }
    bytes.truncate(size);
    bytes
}

/// Uploads a small PDF of its own, and answers its id.
pub async fn uploaded(caller: &Caller, name: &str) -> String {
    let seed = u64::from_be_bytes(sha256(&[name.as_bytes()])[..8].try_into().unwrap());
    let reply = caller.upload(name, Some("application/pdf"), pdf(seed, 3_000)).await;
    assert!([200, 201].contains(&reply.status), "{}", reply.body);
    reply.body["data"]["id"].as_str().unwrap().to_owned()
}

impl World {
    /// The example's file with a document of its own, really uploaded, at each of its places.
    pub async fn with_uploads(&self, mut file: Value) -> Value {
        let mut text = file.to_string();
        for n in 1..=15 {
            let id = uploaded(&self.caller, &format!("document {n}.pdf")).await;
            text = text.replace(&super::kyb::doc(n), &id);
        }
        file = serde_json::from_str(&text).unwrap();
        file
    }

    /// Everything in the folder of documents, as the system lists it.
    pub fn objects(&self) -> Vec<PathBuf> {
        objects(Path::new(&self.app.config.documents.folder))
    }
}

/// Every file below a folder.
pub fn objects(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}
