//! Indonesian texts: connections to providers. A table of data: nothing else belongs here.

pub const WORDS: &super::super::Table = &[
    ("providers.title", "Manajemen penyedia"),
    ("providers.text", "Akun Anda di penyedia pembayaran. Hanya yang aktif menerima pembayaran."),
    ("providers.search", "Cari nama"),
    ("providers.name", "Nama"),
    ("providers.kind", "Jenis penyedia"),
    ("providers.aggregator", "Agregator"),
    ("providers.direct", "Langsung"),
    ("providers.service", "Layanan"),
    ("providers.services", "Layanan"),
    ("providers.status", "Status"),
    ("providers.last", "Aktivitas terakhir"),
    ("providers.never", "belum ada"),
    ("providers.none", "Belum ada penyedia"),
    ("providers.none_text", "Hubungkan akun penyedia pertama Anda lewat API."),
    ("providers.none_found", "Tidak ada yang cocok"),
    ("providers.none_found_text", "Cari nama lain, atau hapus saringan."),
    ("connection.active", "Aktif"),
    ("connection.maintenance", "Pemeliharaan"),
    ("connection.inactive", "Nonaktif"),
];
