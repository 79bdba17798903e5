//! Documents of a KYB file: uploaded and sealed, listed, read by links that end, and erased.
//!
//! The content stands in the object store, sealed under a key of the document's own; who destroys the key has erased it.
//! Nothing of a document is logged or named in the audit log but its id.

mod grants;

pub use grants::*;
