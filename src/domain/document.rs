//! What may be uploaded as a document: its kind by its content, and how large a picture may be. Pure.
//!
//! A message here says what is right and never repeats what was given.

use imagesize::{ImageError, ImageType};

use crate::domain::kyb::syntax;

/// What a document can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Pdf,
    Jpeg,
    Png,
}

impl MediaType {
    pub const ALL: [MediaType; 3] = [MediaType::Pdf, MediaType::Jpeg, MediaType::Png];

    /// As it is declared and kept.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Pdf => "application/pdf",
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
        }
    }

    pub fn parse(text: &str) -> Option<MediaType> {
        MediaType::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            MediaType::Pdf => "PDF",
            MediaType::Jpeg => "JPEG",
            MediaType::Png => "PNG",
        }
    }

    /// How the name of such a file ends.
    pub fn extension(self) -> &'static str {
        match self {
            MediaType::Pdf => "pdf",
            MediaType::Jpeg => "jpg",
            MediaType::Png => "png",
        }
    }

    /// By the first bytes of the content, at least [`MAGIC`] of them where it has so many.
    pub fn of(content: &[u8]) -> Option<MediaType> {
        const MARKS: [(&[u8], MediaType); 3] =
            [(b"%PDF-", MediaType::Pdf), (b"\xff\xd8\xff", MediaType::Jpeg), (b"\x89PNG\r\n\x1a\n", MediaType::Png)];
        MARKS.into_iter().find(|(mark, _)| content.starts_with(mark)).map(|(_, kind)| kind)
    }
}

/// Reads the name of a file. It is shown to people and told to providers; it never becomes a path here.
pub fn file_name(text: &str) -> Result<&str, &'static str> {
    let name = text.trim();
    if !(1..=150).contains(&name.chars().count()) {
        return Err("must have 1 to 150 characters");
    }
    if name.contains(['/', '\\', '"']) {
        return Err("must not hold /, \\ or \"");
    }
    syntax::line(name).map(|()| name)
}

/// How many bytes tell the kind.
pub const MAGIC: usize = 8;

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its content is on its way.
    Uploading,
    /// It is there.
    Stored,
    /// Its upload was given up; what came of it is being removed.
    Removing,
    /// It was there; its key is destroyed.
    Erased,
}

impl State {
    const ALL: [(State, &str); 4] = [
        (State::Uploading, "uploading"),
        (State::Stored, "stored"),
        (State::Removing, "removing"),
        (State::Erased, "erased"),
    ];

    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|(_, word)| *word == text).map(|(state, _)| state)
    }
}

/// Why a content is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("is empty")]
    Empty,
    #[error("is no PDF, JPEG or PNG: its first bytes are those of something else")]
    Unknown,
    #[error("is not what its Content-Type says")]
    Other,
    #[error("is no PDF that is whole: %%EOF must stand near its end")]
    Cut,
    #[error("is a picture whose size cannot be read: save it anew")]
    NoSize,
    #[error("is too large a picture: at most 50 megapixels, and 20,000 pixels a side")]
    TooManyPixels,
}

/// The most pixels of a picture, in all and a side. A small file can unpack to more than a reader's memory.
pub const MOST_PIXELS: u64 = 50_000_000;
pub const LONGEST_SIDE: usize = 20_000;

/// How far into a picture its size is looked for: pictures carry previews and colour profiles before it.
pub const LONGEST_HEADER: usize = 1024 * 1024;

/// How near its end a PDF must say that it ends. (Readers look at the last 1,024 bytes; some writers add padding.)
pub const PDF_END: usize = 2048;

/// Judges what is there of a content's beginning: `None` where more of it must be seen.
pub fn fits(kind: MediaType, beginning: &[u8], is_all: bool) -> Option<Result<(), Unfit>> {
    let format = match kind {
        MediaType::Pdf => return Some(Ok(())),
        MediaType::Jpeg => ImageType::Jpeg,
        MediaType::Png => ImageType::Png,
    };
    // A PNG says its size in its first chunk, which must be IHDR.
    if kind == MediaType::Png && beginning.get(12..16).is_some_and(|chunk| chunk != b"IHDR") {
        return Some(Err(Unfit::NoSize));
    }
    match format.reader_size(&mut std::io::Cursor::new(beginning)) {
        Ok(size) if size.width == 0 || size.height == 0 => Some(Err(Unfit::NoSize)),
        Ok(size) => {
            let pixels = (size.width as u64).saturating_mul(size.height as u64);
            let too_many = pixels > MOST_PIXELS || size.width.max(size.height) > LONGEST_SIDE;
            Some(if too_many { Err(Unfit::TooManyPixels) } else { Ok(()) })
        }
        Err(ImageError::IoError(_)) if !is_all && beginning.len() < LONGEST_HEADER => None,
        Err(_) => Some(Err(Unfit::NoSize)),
    }
}

/// Whether a content may end so. `end` is its last [`PDF_END`] bytes, or all of it.
pub fn ends(kind: MediaType, end: &[u8]) -> Result<(), Unfit> {
    const MARK: &[u8] = b"%%EOF";
    match kind {
        MediaType::Pdf if !end.windows(MARK.len()).any(|window| window == MARK) => Err(Unfit::Cut),
        _ => Ok(()),
    }
}
