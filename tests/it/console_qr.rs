//! QR codes, square by square as an independent encoder makes them (python-qrcode 8, level M, mask 0, byte mode).

use paystrator::console::qr::Qr;
use paystrator::crypto::sha256;

const SMALL: [&str; 21] = [
    "#######..####.#######",
    "#.....#.###...#.....#",
    "#.###.#..##.#.#.###.#",
    "#.###.#....#..#.###.#",
    "#.###.#.#.###.#.###.#",
    "#.....#....#..#.....#",
    "#######.#.#.#.#######",
    ".....................",
    "#.#.#.#...#.#...#..#.",
    "....#..#..##....##.##",
    "#..#..######..#######",
    ".###....#.###......#.",
    "##.##.#.####....##..#",
    "........###...#####.#",
    "#######...#.##.######",
    "#.....#..##....##..##",
    "#.###.#.#...##..##...",
    "#.###.#..#.#.#..##.#.",
    "#.###.#.#..#...###..#",
    "#.....#..#.###.#...#.",
    "#######.#..#..####.##",
];

/// Bytes of the text, squares on a side, and the beginning of the SHA-256 of the rows: the longest text of each version,
/// and one byte less.
const CODES: [(usize, usize, &str); 30] = [
    (13, 21, "161e72e26dc71e45"),
    (14, 21, "b4d5eb263de30f04"),
    (25, 25, "03a4358d80dd4a36"),
    (26, 25, "1fb9acf16f51b3ea"),
    (41, 29, "45ffe5c532119754"),
    (42, 29, "089ecaa67251ef01"),
    (61, 33, "44eda46ac1d2bc38"),
    (62, 33, "553c0b8dcf96cc89"),
    (83, 37, "8924bacaec9fd54c"),
    (84, 37, "c4a064a96094b22b"),
    (105, 41, "2bb3e73bbe1ebe89"),
    (106, 41, "002a55aca8086760"),
    (121, 45, "d6828b316c807256"),
    (122, 45, "bbb81cb761aeac35"),
    (151, 49, "6f5288e0a29a0125"),
    (152, 49, "5cb583f9d557db79"),
    (179, 53, "99aaa480569e8544"),
    (180, 53, "2023cf39719616ea"),
    (212, 57, "30ad2abc972d501a"),
    (213, 57, "e0369d3a4f440e59"),
    (250, 61, "d55eaae27e8f22bb"),
    (251, 61, "cb0a3529b8e27da5"),
    (286, 65, "83d6ffcaf7a50c0e"),
    (287, 65, "d442cee67d619105"),
    (330, 69, "7ae61360b17fd304"),
    (331, 69, "543d94356053ff64"),
    (361, 73, "3ae505b66ea79ae0"),
    (362, 73, "634ed7ce11fab7c9"),
    (411, 77, "03ad2262e8efd2db"),
    (412, 77, "2cd9895bdeb5db25"),
];

#[test]
fn every_version_is_as_another_encoder_makes_it() {
    assert_eq!(Qr::of("paystrator").unwrap().rows(), SMALL);
    let text = "otpauth://totp/Paystrator:owner@example.com?secret=SCKNLOCNXNEOTZECIYYBIV2HJMBPCLV7&issuer=Paystrator&"
        .repeat(5);
    for (bytes, size, hash) in CODES {
        let rows = Qr::of(&text[..bytes]).unwrap().rows();
        assert_eq!(rows.len(), size, "{bytes}");
        assert_eq!(&hex::encode(sha256(&[rows.join("\n").as_bytes()]))[..16], hash, "{bytes}");
    }
    assert!(Qr::of(&text[..413]).is_none());
}

#[test]
fn the_path_draws_the_dark_squares_inside_a_quiet_zone() {
    let code = Qr::of("paystrator").unwrap();
    assert_eq!(code.width(), 21 + 8);
    assert!(code.path().starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"));
    assert_eq!(code.path().matches('M').count(), SMALL.concat().matches('#').count());
}
