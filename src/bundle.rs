//! The migrations inside the executable: an archive appended to it, with checksums.
//!
//! ```text
//! executable │ body: a tar archive │ header: JSON │ footer: 64 bytes
//! ```
//!
//! The footer finds and proves the header; the header proves the body. The header has all that a
//! start with nothing to do needs (the heads and their lineages), so that its cost does not grow
//! with the number of migrations: the body is read only when something is pending. Nothing about
//! the time or the place of bundling goes in: same migrations, same bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::revision::checksum::Lineage;
use crate::revision::history::History;
use crate::revision::id::RevisionId;

const MAGIC: &[u8; 16] = b"castoff bundle 1";
const FOOTER: usize = 64;

/// Where Linux shows a process its own executable, also when the file was replaced since.
const SELF: &str = "/proc/self/exe";

/// An executable with migrations in it.
#[derive(Debug)]
pub struct Bundle {
    file: File,
    header: Header,
}

/// What the header says.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The version of castoff that wrote it.
    castoff: String,
    /// The head revisions and their lineages.
    heads: Vec<(String, String)>,
    /// Number of migration files.
    migrations: usize,
    /// Where the body starts in the file, in bytes.
    body_start: u64,
    /// The body's length in bytes.
    body_length: u64,
    /// SHA-256 of the body, hexadecimal.
    body_sha256: String,
}

/// Why the embedded migrations cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The executable ends in the middle of its archive.
    #[error("the migrations embedded in this executable are truncated")]
    Truncated,
    /// A checksum does not fit.
    #[error("the migrations embedded in this executable were altered ({part})")]
    Tampered {
        /// Which part is not what it was.
        part: &'static str,
    },
    /// The executable cannot be read.
    #[error("this executable cannot be read at `{SELF}`")]
    Unreadable(#[source] io::Error),
    /// The copy cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Unwritable {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl BundleError {
    /// The error's name in documentation and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "bundle-truncated",
            Self::Tampered { .. } => "bundle-tampered",
            Self::Unreadable(_) => "bundle-unreadable",
            Self::Unwritable { .. } => "bundle-unwritable",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Truncated | Self::Tampered { .. } => {
                "build the image again with `castoff bundle`, or name a directory with --migrations"
                    .into()
            }
            Self::Unreadable(_) => "mount /proc, or name a directory with --migrations".into(),
            Self::Unwritable { .. } => "name a file in a directory that this user may write".into(),
        }
    }
}

/// Finds the migrations embedded in the running executable, if it has any.
pub fn embedded() -> Result<Option<Bundle>, BundleError> {
    open(File::open(SELF).map_err(BundleError::Unreadable)?)
}

fn open(file: File) -> Result<Option<Bundle>, BundleError> {
    let length = file.metadata().map_err(BundleError::Unreadable)?.len();
    let Some(footer_start) = length.checked_sub(FOOTER as u64) else {
        return Ok(None);
    };
    let footer = read(&file, footer_start, FOOTER)?;
    let (digest, rest) = footer.split_at(32);
    let (header_length, rest) = rest.split_at(8);
    let (reserved, magic) = rest.split_at(8);
    if magic != MAGIC {
        // A bundle that lost its end would otherwise pass for an executable without migrations.
        return if end_of_elf(&file)?.is_some_and(|end| length > end) {
            Err(BundleError::Truncated)
        } else {
            Ok(None)
        };
    }
    let header_length = u64::from_le_bytes(header_length.try_into().unwrap_or_default());
    let tampered = BundleError::Tampered { part: "header" };
    if reserved != [0; 8] {
        return Err(BundleError::Tampered { part: "footer" });
    }
    let Some(header_start) = footer_start.checked_sub(header_length) else {
        return Err(tampered);
    };
    let Ok(header_length) = usize::try_from(header_length) else {
        return Err(tampered);
    };
    let text = read(&file, header_start, header_length)?;
    if Sha256::digest(&text).as_slice() != digest {
        return Err(tampered);
    }
    let header = serde_json::from_slice(&text).map_err(|_| tampered)?;
    Ok(Some(Bundle { file, header }))
}

fn read(file: &File, start: u64, length: usize) -> Result<Vec<u8>, BundleError> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, start)
        .map_err(BundleError::Unreadable)?;
    Ok(bytes)
}

/// Where the ELF file ends by its own account: behind its section header table, which linkers and
/// `strip` put last. See elf(5).
fn end_of_elf(file: &File) -> Result<Option<u64>, BundleError> {
    let header = read(file, 0, 64)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(None);
    }
    let number = |at: usize, width: usize| {
        header[at..at + width]
            .iter()
            .rev()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))
    };
    let (table_start, entry_size, entries) = (number(40, 8), number(58, 2), number(60, 2));
    Ok((table_start > 0).then_some(table_start + entry_size * entries))
}

impl Bundle {
    /// The head revisions with their lineages, without reading the migrations.
    pub fn heads(&self) -> Result<Vec<(RevisionId, Lineage)>, BundleError> {
        let tampered = || BundleError::Tampered { part: "header" };
        let parse = |(id, lineage): &(String, String)| {
            let id = RevisionId::new(id).map_err(|_| tampered())?;
            Ok((id, Lineage::parse(lineage).map_err(|_| tampered())?))
        };
        self.header.heads.iter().map(parse).collect()
    }

    /// All migration files, path and content, after their checksum is proved. The body is read
    /// twice and in pieces, so that a large migration is in memory once.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
        let tampered = || BundleError::Tampered { part: "migrations" };
        let mut digest = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        let mut body = self.body();
        loop {
            let length = body.read(&mut piece).map_err(BundleError::Unreadable)?;
            if length == 0 {
                break;
            }
            digest.update(&piece[..length]);
        }
        if body.left > 0 || hexadecimal(&digest.finalize()) != self.header.body_sha256 {
            return Err(tampered());
        }
        let mut files = Vec::with_capacity(self.header.migrations);
        let mut archive = tar::Archive::new(BufReader::new(self.body()));
        for entry in archive.entries().map_err(|_| tampered())? {
            let mut entry = entry.map_err(|_| tampered())?;
            let path = entry.path().map_err(|_| tampered())?.display().to_string();
            let mut content = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or(0));
            entry.read_to_end(&mut content).map_err(|_| tampered())?;
            files.push((path, content));
        }
        Ok(files)
    }

    fn body(&self) -> Body<'_> {
        Body {
            file: &self.file,
            at: self.header.body_start,
            left: self.header.body_length,
        }
    }
}

/// The archive's part of the file.
struct Body<'f> {
    file: &'f File,
    at: u64,
    left: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let length = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}

/// Writes a copy of the running executable with these files, whose graph is `history`, in place of
/// any that it has. The copy appears whole or not at all.
pub fn write(
    files: &[(String, Vec<u8>)],
    history: &History,
    output: &Path,
) -> Result<(), BundleError> {
    let executable = File::open(SELF).map_err(BundleError::Unreadable)?;
    let length = executable
        .metadata()
        .map_err(BundleError::Unreadable)?
        .len();
    let code_length = open(executable.try_clone().map_err(BundleError::Unreadable)?)?
        .map_or(length, |bundle| bundle.header.body_start);
    let code_length_in_memory = usize::try_from(code_length).unwrap_or(usize::MAX);
    let code = read(&executable, 0, code_length_in_memory)?;

    let unwritable = |source| BundleError::Unwritable {
        path: output.to_owned(),
        source,
    };
    let body = archive(files).map_err(unwritable)?;
    let header = Header {
        castoff: env!("CARGO_PKG_VERSION").to_owned(),
        heads: history
            .heads()
            .into_iter()
            .filter_map(|id| Some((id.to_string(), history.lineage(id)?.to_string())))
            .collect(),
        migrations: files.len(),
        body_start: code_length,
        body_length: body.len() as u64,
        body_sha256: hexadecimal(&Sha256::digest(&body)),
    };
    let header = serde_json::to_vec(&header).map_err(|error| unwritable(error.into()))?;

    let mut footer = Vec::with_capacity(FOOTER);
    footer.extend_from_slice(&Sha256::digest(&header));
    footer.extend_from_slice(&(header.len() as u64).to_le_bytes());
    footer.extend_from_slice(&[0; 8]);
    footer.extend_from_slice(MAGIC);

    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = output.with_file_name(name);
    let write_all = || {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o755)
            .open(&part)?;
        for piece in [&code, &body, &header, &footer] {
            file.write_all(piece)?;
        }
        file.sync_all()?;
        std::fs::rename(&part, output)
    };
    write_all().map_err(|source| {
        std::fs::remove_file(&part).ok();
        unwritable(source)
    })
}

/// The files as a tar archive, in the order given, without times and owners.
fn archive(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let name = Path::new(path).file_name().unwrap_or_default();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(
            &mut header,
            Path::new("migrations").join(name),
            content.as_slice(),
        )?;
    }
    archive.into_inner()
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}
