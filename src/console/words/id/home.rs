//! Indonesian texts: the first page. A table of data: nothing else belongs here.

pub const WORDS: &super::super::Table = &[
    ("home.title", "Beranda"),
    ("home.as", "Anda"),
    ("home.go", "Ke mana"),
    ("home.transactions", "Semua pembayaran, dan alasan rutenya."),
    ("home.providers", "Koneksi ke penyedia pembayaran dan keadaannya."),
    ("home.team", "Siapa bekerja di sini, sebagai apa. Undang yang lain."),
    ("home.audit", "Siapa mengubah apa, dan kapan."),
    ("home.security", "Kata sandi, langkah kedua, dan perangkat Anda."),
    ("home.rights", "Yang boleh Anda lakukan di sini"),
    ("home.second_factor", "Lindungi akun Anda."),
    ("home.second_factor_text", "Kode dari ponsel menahan orang lain, walau mereka tahu kata sandi Anda."),
    ("home.nowhere", "Anda tidak bekerja untuk klien mana pun"),
    ("home.nowhere_text", "Pilih klien lain, atau minta undangan dari Pemilik."),
];
