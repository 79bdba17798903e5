//! What a call proves, seen from raw servers that misbehave, and which addresses the guarded door opens.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use paystrator::clock::Clock;
use paystrator::domain::service::Mode;
use paystrator::outbound::guard::may_call;
use paystrator::outbound::{Lookup, Outbound, OutboundLimits, Outcome, Request, UrlRefused, check_url};
use paystrator::providers::call::Ask;
use paystrator::providers::{Account, Call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: yes\r\n\r\nok";

fn post(url: String) -> Request {
    let headers = vec![("content-type".into(), "application/json".into())];
    Request { method: Method::POST, url, headers, body: b"{\"amount\":1}".to_vec(), timeout: Duration::from_secs(20) }
}

fn open_doors() -> Outbound {
    Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..Default::default() }).unwrap()
}

/// Reads one request up to its body's end and returns its text; empty when the connection ended first.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"{\"amount\":1}") {
        let mut part = [0u8; 1024];
        match stream.read(&mut part).await {
            Ok(n) if n > 0 => seen.extend_from_slice(&part[..n]),
            _ => break,
        }
    }
    String::from_utf8(seen).unwrap()
}

/// A server that reads a request on each connection and answers `answer`, then closes. Counts what it read.
async fn server(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?secret=canary", listener.local_addr().unwrap());
    let reads = Arc::new(AtomicUsize::new(0));
    let count = reads.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !read_request(&mut stream).await.is_empty() {
                count.fetch_add(1, Ordering::SeqCst);
            }
            stream.write_all(answer).await.unwrap();
        }
    });
    (url, reads)
}

fn unknown(outcome: Outcome) -> String {
    match outcome {
        Outcome::Unknown { reason } => without_canary(reason),
        Outcome::NotSent { reason } => panic!("said not sent: {reason}"),
        Outcome::Answered(answer) => panic!("said answered with {}", answer.status),
    }
}

fn not_sent(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotSent { reason } => without_canary(reason),
        Outcome::Unknown { reason } => panic!("said unknown: {reason}"),
        Outcome::Answered(answer) => panic!("said answered with {}", answer.status),
    }
}

fn without_canary(reason: String) -> String {
    assert!(!reason.contains("canary") && !reason.contains("/path"), "the reason tells the address: {reason}");
    reason
}

#[tokio::test]
async fn an_answer_comes_whole() {
    let (url, reads) = server(OK).await;
    for door in [true, false] {
        let out = open_doors();
        let outcome = if door { out.provider(post(url.clone())).await } else { out.guarded(post(url.clone())).await };
        let Outcome::Answered(answer) = outcome else { panic!("not answered") };
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
        assert!(answer.headers.contains(&("x-seen".into(), "yes".into())));
        assert!(answer.elapsed > Duration::ZERO);
    }
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?secret=canary", listener.local_addr().unwrap());
    drop(listener);
    let reason = not_sent(open_doors().provider(post(url)).await);
    assert!(reason.starts_with("not connected: ") && reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn an_unknown_name_was_not_sent() {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let out = Outbound::with_lookup(OutboundLimits::default(), lookup).unwrap();
    let reason = not_sent(out.guarded(post("https://nowhere.example/path?secret=canary".into())).await);
    assert!(reason.starts_with("not connected: ") && reason.contains("no such name"), "{reason}");
}

#[tokio::test]
async fn a_failed_tls_greeting_was_not_sent() {
    // The server speaks no TLS: it answers the greeting with plain text.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/path?secret=canary", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0u8; 4096]).await;
    });
    let reason = not_sent(open_doors().provider(post(url)).await);
    assert!(reason.starts_with("not connected: "), "{reason}");
}

#[tokio::test]
async fn a_request_that_cannot_be_written_was_not_sent() {
    let mut request = post("http://127.0.0.1:9/path?secret=canary".into());
    request.headers.push(("x-broken".into(), "two\r\nlines".into()));
    assert!(not_sent(open_doors().provider(request).await).starts_with("request not built: "));
    assert!(not_sent(open_doors().provider(post("/path?secret=canary".into())).await).starts_with("request not built"));
}

#[tokio::test]
async fn closed_before_the_answer_is_unknown() {
    let (url, reads) = server(b"").await;
    let reason = unknown(open_doors().provider(post(url)).await);
    assert!(reason.starts_with("no answer: "), "{reason}");
    assert_eq!(reads.load(Ordering::SeqCst), 1, "the request was sent again");
}

#[tokio::test]
async fn a_hang_past_the_timeout_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?secret=canary", listener.local_addr().unwrap());
    let reads = Arc::new(AtomicUsize::new(0));
    let count = reads.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            count.fetch_add(1, Ordering::SeqCst);
            // Held open, never answered, until the caller gives up.
            let _ = stream.read(&mut [0u8; 16]).await;
        }
    });
    let mut request = post(url);
    request.timeout = Duration::from_secs(1);
    assert_eq!(unknown(open_doors().provider(request).await), "no answer in time");
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_broken_or_oversized_answer_is_unknown() {
    for (answer, limit, told) in [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nonly this".as_slice(), 0, "status 200, answer broken off: "),
        (OK, 1, "status 200, answer longer than 1 bytes"),
        (b"this is not HTTP\r\n\r\n", 0, "no answer: "),
    ] {
        let (url, reads) = server(answer).await;
        let out = Outbound::new(OutboundLimits { answer_limit_bytes: limit, ..Default::default() }).unwrap();
        let reason = unknown(out.provider(post(url)).await);
        assert!(reason.starts_with(told), "{reason}");
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }
}

/// The server answers the first request and then closes: once while the connection is idle, once after it has read the
/// second request from it. Whatever the caller is told, no request arrives twice.
#[tokio::test]
async fn a_connection_closed_while_idle_repeats_nothing() {
    for read_second in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let closed = Arc::new(Notify::new());
        let (seen, tell) = (paths.clone(), closed.clone());
        tokio::spawn(async move {
            let note = |request: String| {
                if let Some(path) = request.split(' ').nth(1) {
                    seen.lock().unwrap().push(path.to_owned());
                }
            };
            let (mut first, _) = listener.accept().await.unwrap();
            note(read_request(&mut first).await);
            first.write_all(OK).await.unwrap();
            if read_second {
                note(read_request(&mut first).await);
            }
            drop(first);
            tell.notify_one();
            loop {
                let (mut next, _) = listener.accept().await.unwrap();
                note(read_request(&mut next).await);
                next.write_all(OK).await.unwrap();
            }
        });
        let out = open_doors();
        assert!(matches!(out.provider(post(format!("{url}/first"))).await, Outcome::Answered(_)));
        if !read_second {
            closed.notified().await;
        }
        match out.provider(post(format!("{url}/second"))).await {
            Outcome::NotSent { reason } => panic!("a listening server was not reached: {reason}"),
            Outcome::Unknown { .. } => {}
            Outcome::Answered(_) => assert!(!read_second, "a request that was read and dropped was sent again"),
        }
        let seen = paths.lock().unwrap().clone();
        assert_eq!(seen.iter().filter(|path| *path == "/first").count(), 1);
        let second = seen.iter().filter(|path| *path == "/second").count();
        assert!(if read_second { second == 1 } else { second <= 1 }, "sent {second} times");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (inside, reads) = server(OK).await;
    let location = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {inside}\r\nContent-Length: 0\r\n\r\n");
    let (url, _) = server(location.leak().as_bytes()).await;
    for door in [true, false] {
        let out = open_doors();
        let outcome = if door { out.provider(post(url.clone())).await } else { out.guarded(post(url.clone())).await };
        let Outcome::Answered(answer) = outcome else { panic!("not answered") };
        assert_eq!(answer.status, 307);
    }
    assert_eq!(reads.load(Ordering::SeqCst), 0, "the redirect was followed");
}

/// A name that is public when the endpoint is stored and points into our network when it is called.
#[tokio::test]
async fn a_name_that_turns_inward_is_refused_at_connect_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside = listener.local_addr().unwrap();
    let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![inside]) }));
    let limits = OutboundLimits { allow_http: true, ..Default::default() };
    let url = "http://rebind.example/path?secret=canary";
    assert_eq!(check_url(url, &limits), Ok(()));
    let out = Outbound::with_lookup(limits, lookup.clone()).unwrap();
    let reason = not_sent(out.guarded(post(url.into())).await);
    assert_eq!(reason, "address refused: the name points to no address on the public internet");

    // The same name with private networks allowed does reach the server: the refusal above was the guard's.
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        request
    });
    let limits = OutboundLimits { allow_http: true, allow_private: true, ..Default::default() };
    let out = Outbound::with_lookup(limits, lookup).unwrap();
    assert!(matches!(out.guarded(post(url.into())).await, Outcome::Answered(_)));
    assert!(served.await.unwrap().contains("rebind.example"));
}

#[tokio::test]
async fn a_refused_address_is_not_called() {
    let (url, reads) = server(OK).await;
    let out = Outbound::new(OutboundLimits { allow_http: true, ..Default::default() }).unwrap();
    assert!(not_sent(out.guarded(post(url)).await).starts_with("address refused: "));
    let reason = not_sent(out.guarded(post("http://127.0.0.1/path?secret=canary".into())).await);
    assert_eq!(reason, "address refused: the address must be a host on the public internet");
    assert_eq!(reads.load(Ordering::SeqCst), 0);
}

/// Every block with its first and last address, and the public neighbours on both sides where there are any.
#[test]
fn blocks_are_closed_to_their_edges() {
    let blocks = [
        ("", "0.0.0.0", "0.255.255.255", "1.0.0.0"),
        ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
        ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
        ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
        ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
        ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
        ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
        ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
        ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
        ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
        ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
        ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
        ("223.255.255.255", "224.0.0.0", "255.255.255.255", ""),
        ("", "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"),
        ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
        (
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
        ),
        ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
        ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
        ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    ];
    let open = |text: &str| may_call(text.parse().unwrap(), false);
    for (before, first, last, after) in blocks {
        for inside in [first, last] {
            assert!(!open(inside), "{inside} is open");
        }
        for neighbour in [before, after].into_iter().filter(|text| !text.is_empty()) {
            assert!(open(neighbour), "{neighbour} is closed");
        }
    }
    // The same IPv4 blocks through IPv6 spellings; a mapped public address stays public.
    for inside in [
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!open(inside), "{inside} is open");
    }
    assert!(open("::ffff:8.8.8.8") && open("2606:4700::1111") && open("8.8.8.8"));
}

#[test]
fn allow_private_adds_loopback_and_private_networks_only() {
    let open = |text: &str| may_call(text.parse::<IpAddr>().unwrap(), true);
    for inside in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:127.0.0.1"] {
        assert!(open(inside), "{inside} is closed");
    }
    for outside in ["169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "::", "fe80::1", "64:ff9b::7f00:1"] {
        assert!(!open(outside), "{outside} is open");
    }
}

#[test]
fn addresses_are_judged_by_their_text() {
    use UrlRefused::*;
    let strict = OutboundLimits::default();
    for (url, expected) in [
        ("https://merchant.example/hook?x=1", Ok(())),
        ("https://merchant.example:443/hook", Ok(())),
        ("https://8.8.8.8/hook", Ok(())),
        ("https://localhost.example.com/", Ok(())),
        ("http://merchant.example/hook", Err(Scheme)),
        ("ftp://merchant.example/hook", Err(Scheme)),
        ("file:///etc/passwd", Err(Scheme)),
        ("javascript:alert(1)", Err(Scheme)),
        ("merchant.example/hook", Err(Unreadable)),
        ("https://", Err(Unreadable)),
        ("", Err(Unreadable)),
        ("https://user@merchant.example/", Err(Credentials)),
        ("https://:word@merchant.example/", Err(Credentials)),
        ("https://merchant.example@127.0.0.1/", Err(Credentials)),
        ("https://merchant.example:8443/", Err(Port)),
        ("https://merchant.example:80/", Err(Port)),
        ("https://127.0.0.1/", Err(NotPublic)),
        ("https://127.1/", Err(NotPublic)),
        ("https://2130706433/", Err(NotPublic)),
        ("https://0x7f.0.0.1/", Err(NotPublic)),
        ("https://0x7f000001/", Err(NotPublic)),
        ("https://0177.0.0.1/", Err(NotPublic)),
        ("https://017700000001/", Err(NotPublic)),
        ("https://127.0.0.1./", Err(NotPublic)),
        ("https://%31%32%37.0.0.1/", Err(NotPublic)),
        ("https://１２７.0.0.1/", Err(NotPublic)),
        ("https://0/", Err(NotPublic)),
        ("https://169.254.169.254/latest/meta-data", Err(NotPublic)),
        ("https://[::1]/", Err(NotPublic)),
        ("https://[::]/", Err(NotPublic)),
        ("https://[::ffff:127.0.0.1]/", Err(NotPublic)),
        ("https://[::ffff:7f00:1]/", Err(NotPublic)),
        ("https://[64:ff9b::a9fe:a9fe]/", Err(NotPublic)),
        ("https://[2002:7f00:1::]/", Err(NotPublic)),
        ("https://localhost/", Err(NotPublic)),
        ("https://LOCALHOST./", Err(NotPublic)),
        ("https://api.localhost/", Err(NotPublic)),
        ("https://ip6-localhost/", Err(NotPublic)),
    ] {
        assert_eq!(check_url(url, &strict), expected, "{url}");
    }
    let http = OutboundLimits { allow_http: true, ..Default::default() };
    assert_eq!(check_url("http://merchant.example/", &http), Ok(()));
    assert_eq!(check_url("http://merchant.example:8080/", &http), Err(Port));
    let demo = OutboundLimits { allow_http: true, allow_private: true, ..Default::default() };
    for url in ["http://127.0.0.1:4000/hook", "http://localhost:4000/hook", "https://[::1]:4000/"] {
        assert_eq!(check_url(url, &demo), Ok(()), "{url}");
    }
    for url in ["http://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0:80/"] {
        assert_eq!(check_url(url, &demo), Err(NotPublic), "{url}");
    }
    assert_eq!(check_url("http://u:p@127.0.0.1/", &demo), Err(Credentials));
}

#[tokio::test]
async fn an_address_that_a_connection_sets_for_itself_is_guarded() {
    let (url, reads) = server(OK).await;
    let strict = Outbound::new(OutboundLimits::default()).unwrap();
    let asked = async |settings: serde_json::Value| {
        let account = Account { identity: "a".into(), mode: Mode::Test, credentials: "{}".to_owned().into(), settings };
        let call = Call::new(strict.clone(), Clock::system(), "oy", account);
        let Request { method, headers, body, timeout, .. } = post(String::new());
        call.exchange(Ask { operation: "remit", method, url: url.clone(), headers, body, timeout }).await
    };
    // The configured address is the operator's word; one from a client is any user's.
    assert!(matches!(asked(serde_json::json!({})).await, Outcome::Answered(_)));
    let refused = asked(serde_json::json!({ "base_url": url })).await;
    assert!(matches!(&refused, Outcome::NotSent { reason } if reason.starts_with("address refused")));
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}
