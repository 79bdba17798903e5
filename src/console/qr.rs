//! A text as a QR code (ISO/IEC 18004), for a phone to read from the screen: bytes, error correction M, versions 1 to 15.
//!
//! Pure: text in, squares out. A longer text has no code; the page shows it as text besides.

use std::iter::successors;

/// Check bytes of each block, and blocks, of versions 1 to 15 at level M (ISO/IEC 18004, table 9).
const BLOCKS: [(usize, usize); 15] = [
    (10, 1),
    (16, 1),
    (26, 1),
    (18, 2),
    (24, 2),
    (16, 4),
    (18, 4),
    (22, 4),
    (22, 5),
    (26, 5),
    (30, 5),
    (22, 8),
    (22, 9),
    (24, 9),
    (24, 10),
];

/// The quiet zone that readers want around a code, in squares.
const QUIET: usize = 4;

/// A code: its dark squares.
pub struct Qr {
    size: usize,
    dark: Vec<bool>,
    /// The squares that carry no data: finders, timing, alignment, format, version.
    fixed: Vec<bool>,
}

impl Qr {
    /// The code of a text; `None` where it is longer than 412 bytes.
    pub fn of(text: &str) -> Option<Qr> {
        let (version, data) =
            (1..=BLOCKS.len()).find_map(|version| Some((version, packed(text.as_bytes(), version)?)))?;
        let size = version * 4 + 17;
        let mut code = Qr { size, dark: vec![false; size * size], fixed: vec![false; size * size] };
        code.patterns(version);
        code.fill(&protected(&data, version));
        Some(code)
    }

    /// Squares on each side, with the quiet zone.
    pub fn width(&self) -> usize {
        self.size + 2 * QUIET
    }

    /// The dark squares as the path of an SVG whose unit is a square.
    pub fn path(&self) -> String {
        let dark = (0..self.size * self.size).filter(|at| self.dark[*at]);
        dark.map(|at| format!("M{} {}h1v1h-1z", at % self.size + QUIET, at / self.size + QUIET)).collect()
    }

    /// The rows, `#` for a dark square.
    pub fn rows(&self) -> Vec<String> {
        let sign = |dark: &bool| if *dark { '#' } else { '.' };
        self.dark.chunks(self.size).map(|row| row.iter().map(sign).collect()).collect()
    }

    fn set(&mut self, x: usize, y: usize, dark: bool) {
        self.dark[y * self.size + x] = dark;
        self.fixed[y * self.size + x] = true;
    }

    /// Everything that is there before the data.
    fn patterns(&mut self, version: usize) {
        let last = self.size - 1;
        for at in 0..self.size {
            self.set(6, at, at % 2 == 0);
            self.set(at, 6, at % 2 == 0);
        }
        for (x, y) in [(3, 3), (last - 3, 3), (3, last - 3)] {
            self.rings(x, y, 4, |ring| ring != 2 && ring != 4);
        }
        let places = alignment(version, self.size);
        for (column, x) in places.iter().enumerate() {
            for (row, y) in places.iter().enumerate() {
                // Three corners have their finder there.
                let end = places.len() - 1;
                if ![(0, 0), (0, end), (end, 0)].contains(&(column, row)) {
                    self.rings(*x, *y, 2, |ring| ring != 1);
                }
            }
        }
        self.format();
        if version >= 7 {
            let bits = with_remainder(version, 12, 0x1f25);
            for at in 0..18 {
                let (long, short) = (self.size - 11 + at % 3, at / 3);
                self.set(long, short, bits >> at & 1 == 1);
                self.set(short, long, bits >> at & 1 == 1);
            }
        }
    }

    /// Squares around a middle, ring by ring, as far as they lie in the code.
    fn rings(&mut self, x: usize, y: usize, reach: usize, dark: impl Fn(usize) -> bool) {
        for row in y.saturating_sub(reach)..=(y + reach).min(self.size - 1) {
            for column in x.saturating_sub(reach)..=(x + reach).min(self.size - 1) {
                self.set(column, row, dark(row.abs_diff(y).max(column.abs_diff(x))));
            }
        }
    }

    /// Level M (00) and mask 0, twice (ISO/IEC 18004, 7.9). The mask is always the same: a secret has no pattern that it
    /// could make worse, and a reader takes each.
    fn format(&mut self) {
        let bits = with_remainder(0, 10, 0x537) ^ 0x5412;
        let last = self.size - 1;
        for at in 0..15 {
            let dark = bits >> at & 1 == 1;
            match at {
                0..6 => self.set(8, at, dark),
                6..8 => self.set(8, at + 1, dark),
                8 => self.set(7, 8, dark),
                _ => self.set(14 - at, 8, dark),
            }
            if at < 8 { self.set(last - at, 8, dark) } else { self.set(8, last + at - 14, dark) }
        }
        self.set(8, self.size - 8, true);
    }

    /// Lays the data bit by bit: two columns at a time, from the right, up and down in turn; each under the mask.
    fn fill(&mut self, data: &[u8]) {
        let mut bits = data.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1));
        // The column of the timing pattern is left out.
        let pairs = successors(Some(self.size - 1), |right| match right {
            8 => Some(5),
            0..3 => None,
            _ => Some(right - 2),
        });
        for (turn, right) in pairs.enumerate() {
            for step in 0..self.size {
                let y = if turn % 2 == 0 { self.size - 1 - step } else { step };
                for x in [right, right - 1] {
                    if !self.fixed[y * self.size + x] {
                        self.dark[y * self.size + x] = bits.next().unwrap_or(false) != ((x + y) % 2 == 0);
                    }
                }
            }
        }
    }
}

/// A number with its remainder behind it: how format and version are protected.
fn with_remainder(value: usize, bits: u32, generator: usize) -> usize {
    let rest = (0..bits).fold(value, |rest, _| (rest << 1) ^ ((rest >> (bits - 1)) * generator));
    value << bits | rest
}

/// Where the middles of the alignment patterns are, along either side (ISO/IEC 18004, annex E).
fn alignment(version: usize, size: usize) -> Vec<usize> {
    if version == 1 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let step = (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2;
    let mut places: Vec<usize> = (0..count - 1).map(|at| size - 7 - at * step).collect();
    places.push(6);
    places.reverse();
    places
}

/// The bytes that a version holds in all, data and checks.
fn room(version: usize) -> usize {
    let mut squares = (16 * version + 128) * version + 64;
    if version >= 2 {
        let count = version / 7 + 2;
        squares -= (25 * count - 10) * count - 55;
        squares -= if version >= 7 { 36 } else { 0 };
    }
    squares / 8
}

/// The text in byte mode, ended and padded; `None` where this version is too small for it.
fn packed(text: &[u8], version: usize) -> Option<Vec<u8>> {
    let (checks, blocks) = BLOCKS[version - 1];
    let data = room(version) - checks * blocks;
    let length_bits = if version < 10 { 8 } else { 16 };
    let head = (0b0100 << length_bits | text.len(), 4 + length_bits);
    let mut bits: Vec<bool> = Vec::with_capacity(data * 8);
    for (value, width) in [head].into_iter().chain(text.iter().map(|byte| (usize::from(*byte), 8))) {
        bits.extend((0..width).rev().map(|at| value >> at & 1 == 1));
    }
    if bits.len() > data * 8 {
        return None;
    }
    bits.resize((bits.len() + 4).min(data * 8).next_multiple_of(8), false);
    let mut bytes: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | u8::from(*bit))).collect();
    let padding = [0xec, 0x11].into_iter().cycle().take(data - bytes.len());
    bytes.extend(padding);
    Some(bytes)
}

/// The data in blocks, each with its check bytes, woven together (ISO/IEC 18004, 7.6).
fn protected(data: &[u8], version: usize) -> Vec<u8> {
    let (checks, count) = BLOCKS[version - 1];
    let (short, long) = (data.len() / count, data.len() % count);
    let mut rest = data;
    let blocks: Vec<(&[u8], Vec<u8>)> = (0..count)
        .map(|at| {
            let (block, after) = rest.split_at(short + usize::from(at >= count - long));
            rest = after;
            (block, remainder(block, checks))
        })
        .collect();
    let woven = (0..=short).flat_map(|at| blocks.iter().filter_map(move |(block, _)| block.get(at)));
    let checked = (0..checks).flat_map(|at| blocks.iter().map(move |(_, check)| &check[at]));
    woven.chain(checked).copied().collect()
}

/// The check bytes of a block: what is left after division by the generator (Reed and Solomon).
fn remainder(block: &[u8], checks: usize) -> Vec<u8> {
    let mut generator = vec![0; checks];
    generator[checks - 1] = 1;
    let mut root = 1;
    for _ in 0..checks {
        for at in 0..checks {
            generator[at] = times(generator[at], root) ^ generator.get(at + 1).copied().unwrap_or(0);
        }
        root = times(root, 2);
    }
    block.iter().fold(vec![0; checks], |mut rest, byte| {
        let factor = byte ^ rest.remove(0);
        rest.push(0);
        rest.iter_mut().zip(&generator).for_each(|(at, coefficient)| *at ^= times(*coefficient, factor));
        rest
    })
}

/// The product of two bytes in the field of QR codes (x⁸ + x⁴ + x³ + x² + 1).
fn times(left: u8, right: u8) -> u8 {
    (0..8).rev().fold(0u8, |product, at| {
        let doubled = product << 1 ^ if product & 0x80 != 0 { 0x1d } else { 0 };
        doubled ^ if right >> at & 1 == 1 { left } else { 0 }
    })
}
