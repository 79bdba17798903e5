//! Where the master keys come from: the configuration, a file, or (with the private Postgres alone) made once.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::config::Keys;
use crate::crypto::envelope::Keyring;
use crate::crypto::random_bytes;

/// The file beside the private Postgres.
const FILE: &str = "master.key";

/// Loads the ring. `private_dir` is the private Postgres's folder, where a key may be made; without it one must be given.
pub fn load(keys: &Keys, private_dir: Option<&Path>) -> anyhow::Result<Keyring> {
    let given = keys.master.expose_secret();
    let text = if !given.is_empty() {
        given.to_owned()
    } else if !keys.master_file.is_empty() {
        std::fs::read_to_string(&keys.master_file).with_context(|| format!("cannot read {}", keys.master_file))?
    } else if let Some(dir) = private_dir {
        made_once(&dir.join(FILE))?
    } else {
        anyhow::bail!(
            "no master key: set PAYSTRATOR__KEYS__MASTER to `1:<base64 of 32 bytes>` (for example from `openssl rand \
             -base64 32`), or PAYSTRATOR__KEYS__MASTER_FILE to a file that holds it. Without it nothing can be decrypted."
        )
    };
    parse(&text)
}

fn made_once(file: &Path) -> anyhow::Result<String> {
    if let Ok(text) = std::fs::read_to_string(file) {
        return Ok(text);
    }
    let text = format!("1:{}\n", STANDARD.encode(random_bytes::<32>()));
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot make {}", file.display()))?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    Ok(text)
}

/// `id:base64` a line, or separated by commas.
fn parse(text: &str) -> anyhow::Result<Keyring> {
    let mut masters = BTreeMap::new();
    for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty() && !entry.starts_with('#')) {
        let (id, key) = entry.split_once(':').context("a master key reads `id:base64`")?;
        let id: u32 = id.trim().parse().context("a master key's id is a number")?;
        let bytes = STANDARD.decode(key.trim()).with_context(|| format!("master key {id} is not base64"))?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| anyhow::anyhow!("master key {id} is not 32 bytes"))?;
        anyhow::ensure!(masters.insert(id, bytes).is_none(), "master key {id} is given twice");
    }
    Keyring::new(masters).context("no master key is given")
}
