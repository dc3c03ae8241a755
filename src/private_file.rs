//! Files that are private from the first system call that makes them, are replaced whole, and are
//! believed only if they are ours.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

/// No entry is longer: a token response is at most 64 KiB, and JSON escapes may double it.
const LONGEST_FILE: u64 = 256 * 1024;

/// A token response of two kilobytes fits: one system call reads it, and one sees its end.
const TYPICAL_FILE: usize = 8 * 1024;

const FOLDER_MODE: u32 = 0o700;

const FILE_MODE: u32 = 0o600;

/// Tells one content of a path from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

/// What `path` looks like from outside; `None` if nothing is there.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some(Stamp {
        inode: platform::inode(&metadata),
        length: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// Whether the folder may be used: it is not there yet, or it is a folder of ours.
///
/// # Errors
/// Why not.
pub fn check_folder(dir: &Path) -> Result<(), &'static str> {
    match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => Err("is not a folder"),
        Ok(metadata) if !platform::is_ours(&metadata) => Err("belongs to another user"),
        _ => Ok(()),
    }
}

/// Makes the folder and those above it that are missing, for the user alone. Leaves a folder that
/// is there as it is.
///
/// # Errors
/// If it cannot be made.
pub fn make_folder(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    // The parent of a bare name is empty: the working folder, which is there.
    match dir.parent() {
        Some(parent) if parent != Path::new("") => make_folder(parent)?,
        _ => {}
    }
    let mut builder = DirBuilder::new();
    match platform::private_folder(&mut builder).create(dir) {
        Ok(()) => platform::grant_owner(dir, FOLDER_MODE),
        // Somebody was faster.
        Err(_) if dir.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The content of a regular file of ours that nobody else may read; `None` if nothing is there.
///
/// # Errors
/// Why it cannot be trusted.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let mut options = OpenOptions::new();
    let file = match platform::no_surprises(options.read(true)).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    check_file(&file)?;
    let mut bytes = Vec::with_capacity(TYPICAL_FILE);
    let length = file
        .take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if length as u64 > LONGEST_FILE {
        return Err("it is too long".to_owned());
    }
    Ok(Some(bytes))
}

/// Opens a file of ours to be locked, and makes it if need be; what cannot be trusted in its place
/// is removed first.
///
/// # Errors
/// If that cannot be.
pub fn open_or_make(path: &Path) -> io::Result<File> {
    let open = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = platform::no_surprises(platform::private_file(&mut options)).open(path)?;
        check_file(&file).map_err(io::Error::other)?;
        platform::grant_owner(path, FILE_MODE)?;
        Ok(file)
    };
    open().or_else(|_| {
        remove(path)?;
        open()
    })
}

/// Puts `bytes` in the place of whatever is at `path`, in one step: who reads it meanwhile sees the
/// old content or the new. Not synced to the disk: a torn file is a miss.
///
/// # Errors
/// If that cannot be.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(dir)?;
    platform::grant_owner(file.path(), FILE_MODE)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).or_else(|failed| {
        // A folder in its place.
        remove(path)?;
        failed
            .file
            .persist(path)
            .map(drop)
            .map_err(|failed| failed.error)
    })
}

/// What the names of half-written files begin with.
pub const TEMPORARY: &str = ".new-";

/// Removes whatever is at `path`, if anything is; a link itself, not what it points to.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn check_file(file: &File) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let fault = if !metadata.is_file() {
        "it is not a regular file"
    } else if !platform::is_ours(&metadata) {
        "it belongs to another user"
    } else if !platform::is_private(&metadata) {
        "others may read or write it"
    } else {
        return Ok(());
    };
    Err(fault.to_owned())
}

#[cfg(unix)]
mod platform {
    use super::{DirBuilder, FILE_MODE, FOLDER_MODE, Metadata, OpenOptions, Path, fs, io};
    use std::fs::Permissions;
    use std::os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    };

    use rustix::fs::OFlags;

    pub fn inode(metadata: &Metadata) -> u64 {
        metadata.ino()
    }

    pub fn is_ours(metadata: &Metadata) -> bool {
        metadata.uid() == rustix::process::geteuid().as_raw()
    }

    pub fn is_private(metadata: &Metadata) -> bool {
        metadata.mode() & 0o077 == 0
    }

    pub fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder.mode(FOLDER_MODE)
    }

    pub fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(FILE_MODE)
    }

    /// For what was just made: gives the owner the rights that an odd umask withheld.
    pub fn grant_owner(path: &Path, mode: u32) -> io::Result<()> {
        match fs::symlink_metadata(path)?.mode() & mode == mode {
            true => Ok(()),
            false => fs::set_permissions(path, Permissions::from_mode(mode)),
        }
    }

    /// Follows no link, and does not wait for the other end of a FIFO.
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed())
    }
}

/// Elsewhere the folder of the user's profile is what protects the files: Windows gives what is made in it to the user,
/// the administrators and the system alone. Who has what rights to another folder is not looked at.
#[cfg(not(unix))]
mod platform {
    use super::{DirBuilder, Metadata, OpenOptions, Path, io};

    /// What is opened is a link itself, not what it points to.
    #[cfg(windows)]
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

    pub fn inode(_: &Metadata) -> u64 {
        0
    }

    pub fn is_ours(_: &Metadata) -> bool {
        true
    }

    pub fn is_private(_: &Metadata) -> bool {
        true
    }

    pub fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder
    }

    pub fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub fn grant_owner(_: &Path, _: u32) -> io::Result<()> {
        Ok(())
    }

    /// Follows no link, so that it is seen to be no file.
    #[cfg(windows)]
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::custom_flags(options, FILE_FLAG_OPEN_REPARSE_POINT)
    }

    #[cfg(not(windows))]
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }
}
