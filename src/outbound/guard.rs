//! Which addresses users may make us call: the rules for webhook and document addresses, and the resolver behind them.
//!
//! An address is checked twice: as text when it is stored and before each call ([`check_url`]), and by number when
//! its name is looked up ([`PublicOnly`]), so that a name which later points inside our network opens nothing.
//! It calls nothing but the system's name service.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::OutboundLimits;

/// Why an address is not called. The text says what would be accepted, and never repeats the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// It cannot be read as an absolute address.
    #[error("the address is not a valid absolute URL")]
    Unreadable,
    /// The scheme is neither https nor, where that is allowed, http.
    #[error("the address must begin with https://")]
    Scheme,
    /// It carries a user name or a password.
    #[error("the address must not contain a user name or password")]
    Credentials,
    /// The port is not the scheme's own.
    #[error("the address must use port 443")]
    Port,
    /// The host is a number outside the public internet, in whatever spelling, or a name of this machine.
    #[error("the address must be a host on the public internet")]
    NotPublic,
    /// The name was found, but it points only to addresses outside the public internet.
    #[error("the name points to no address on the public internet")]
    ResolvesToNotPublic,
}

/// Checks an address given by a user, when it is created or changed and again before each call.
///
/// https only (`allow_http` adds http), no user information, the scheme's own port unless `allow_private`, and no host
/// that is by its text outside the public internet: numbers in any spelling (decimal, octal, hexadecimal, IPv6 with an
/// IPv4 inside) and the names of this machine. What a name points to is checked when it is looked up.
pub fn check_url(url: &str, limits: &OutboundLimits) -> Result<(), UrlRefused> {
    // The URL standard's parser writes every spelling of a number as dotted decimals or as bracketed IPv6.
    let url = Url::parse(url).map_err(|_| UrlRefused::Unreadable)?;
    match url.scheme() {
        "https" => {}
        "http" if limits.allow_http => {}
        _ => return Err(UrlRefused::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::Credentials);
    }
    // `port` is None for the scheme's own port.
    if url.port().is_some() && !limits.allow_private {
        return Err(UrlRefused::Port);
    }
    let host = url.host_str().ok_or(UrlRefused::Unreadable)?;
    let number = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
    let open = match number {
        Ok(address) => may_call(address, limits.allow_private),
        Err(_) => limits.allow_private || !names_this_machine(host),
    };
    if open { Ok(()) } else { Err(UrlRefused::NotPublic) }
}

/// `localhost`, everything below it, and the spellings that hosts files add. The parser has lower-cased the host.
fn names_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    matches!(host, "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback")
        || host.ends_with(".localhost")
}

/// Whether a guarded call may connect to `address`. `allow_private` adds loopback and the private networks, nothing else.
pub fn may_call(address: IpAddr, allow_private: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => is_public_v4(a) || (allow_private && (a.is_loopback() || a.is_private())),
        IpAddr::V6(a) => is_public_v6(a) || (allow_private && (a.is_loopback() || a.is_unique_local())),
    }
}

/// IPv4 without every block that IANA's special-purpose registry keeps from the public internet.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let closed = match address.octets() {
        [0 | 10 | 127, ..] => true,     // this network, private, loopback
        [100, b, ..] => b & 0xC0 == 64, // 100.64/10, carriers' NAT
        [169, 254, ..] => true,         // link-local: clouds' metadata services
        [172, b, ..] => b & 0xF0 == 16, // private
        [192, 0, 0 | 2, _] => true,     // protocol assignments, documentation
        [192, 88, 99, _] => true,       // 6to4 relays
        [192, 168, ..] => true,         // private
        [198, 18 | 19, ..] => true,     // benchmarks
        [198, 51, 100, _] => true,      // documentation
        [203, 0, 113, _] => true,       // documentation
        [first, ..] => first >= 224,    // multicast, reserved, broadcast
    };
    !closed
}

/// Only 2000::/3 is public IPv6, without the blocks in it that carry an IPv4 address or lead nowhere. What lies outside
/// it (loopback, fc00::/7, fe80::/10, NAT64 64:ff9b::/96, 5f00::/16, multicast) is closed by that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let closed = a & 0xE000 != 0x2000
        || (a == 0x2001 && b & 0xFE00 == 0) // 2001::/23, protocol assignments: Teredo, ORCHID, benchmarks
        || (a == 0x2001 && b == 0x0DB8)     // documentation
        || a == 0x2002                      // 6to4
        || (a == 0x3FFF && b & 0xF000 == 0); // 3fff::/20, documentation
    !closed
}

/// Looks a name up: the system's name service in earnest, a table in tests.
pub type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// The system's name service.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        // Port 0: the client puts in the port of the address it calls.
        Box::pin(async move { tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect) })
    })
}

/// The guarded door's resolver: hands out public addresses only, and the connection goes to what it hands out.
pub(super) struct PublicOnly {
    pub lookup: Lookup,
    pub allow_private: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let allow_private = self.allow_private;
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| may_call(address.ip(), allow_private));
            if addresses.is_empty() {
                return Err(UrlRefused::ResolvesToNotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
