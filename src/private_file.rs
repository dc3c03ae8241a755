//! Private files of the user: created with mode 0600, replaced atomically, and read only if nobody else can read or
//! write them.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use crate::lock_file::Guard;

/// Maximum file size in bytes: a token response has at most 64 KiB, which JSON escapes may double.
const MAX_LENGTH: u64 = 256 * 1024;

const DIR_MODE: u32 = 0o700;

const FILE_MODE: u32 = 0o600;

/// Why a directory cannot be used: see [`check_dir`].
pub const ANOTHER_USERS: &str = "belongs to another user";

/// Appended to a file's name while its new content is written.
const TEMPORARY_SUFFIX: &str = ".new";

/// Length of the random part of a temporary name, in characters.
const RANDOM_LENGTH: usize = 6;

/// Identifies one version of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

/// The current version of the file at `path`; `None` if there is none.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some(Stamp {
        inode: platform::inode(&metadata),
        length: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// Whether the directory exists.
///
/// # Errors
/// Why it cannot be used: it is no directory, or another user's.
pub fn check_dir(dir: &Path) -> Result<bool, &'static str> {
    match fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => Err("is not a folder"),
        Ok(metadata) if !platform::is_ours(&metadata) => Err(ANOTHER_USERS),
        found => Ok(found.is_ok()),
    }
}

/// Creates the directory and its missing parents with mode 0700. An existing one stays as it is.
///
/// # Errors
/// If it cannot be created.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    // The parent of a bare name is empty and means the working directory.
    match dir.parent() {
        Some(parent) if parent != Path::new("") => create_dir(parent)?,
        _ => {}
    }
    let mut builder = DirBuilder::new();
    match platform::private_dir(&mut builder).create(dir) {
        Ok(()) => platform::grant_owner(dir, DIR_MODE),
        // Another process created it first.
        Err(_) if dir.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads the file at `path`; `None` if there is none.
///
/// # Errors
/// Why it cannot be trusted: it is not a regular file, another user's, or others can read or write it.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let mut options = OpenOptions::new();
    let mut file = match platform::no_surprises(options.read(true)).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let fault = if !metadata.is_file() {
        "it is not a regular file"
    } else if !platform::is_ours(&metadata) {
        "it belongs to another user"
    } else if !platform::is_private(&metadata) {
        "others can read or write it"
    } else if metadata.len() > MAX_LENGTH {
        "it is too long"
    } else {
        // Files are replaced and never grow, so one system call reads the whole file.
        let mut bytes = vec![0; usize::try_from(metadata.len()).unwrap_or_default()];
        let read = file.read_exact(&mut bytes);
        return read
            .map(|()| Some(bytes))
            .map_err(|error| error.to_string());
    };
    Err(fault.to_owned())
}

/// Whether other users can read or write the file at `path`.
pub fn is_readable_by_others(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && !platform::is_private(&found))
}

/// Opens the file at `path` to lock it, and creates it if it is missing. A link, FIFO or socket in its place is
/// removed, but never a file: another process may hold its lock.
///
/// # Errors
/// If it cannot be opened or created.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let found = fs::symlink_metadata(path);
    if found.is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        remove(path)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = platform::no_surprises(platform::private_file(&mut options)).open(path)?;
    platform::grant_owner(path, FILE_MODE)?;
    Ok(file)
}

/// Replaces the file at `path` atomically: readers see the old content or the new. It is not synced to the disk, where
/// a crash may leave half of it.
///
/// # Errors
/// If the file cannot be written, a directory stands in its place, or the file system has no private files.
pub fn replace(path: &Path, bytes: &[u8], guard: &Guard) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut temporary = path.file_name().unwrap_or_default().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let create = |random| {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(&temporary)
            .rand_bytes(random)
            .tempfile_in(dir)
    };
    let mut file = match guard.is_exclusive() {
        // The holder of the lock always uses the same name, so it overwrites what a killed process left behind.
        true => create(0).or_else(|_| {
            remove(&dir.join(&temporary))?;
            create(0)
        }),
        false => create(RANDOM_LENGTH),
    }?;
    platform::grant_owner(file.path(), FILE_MODE)?;
    if !platform::is_private(&file.as_file().metadata()?) {
        let fault = "the file system makes every file readable by other users";
        return Err(io::Error::other(fault));
    }
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Removes the file or link at `path`, if there is one. A directory is left alone.
///
/// # Errors
/// If it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
mod platform {
    use super::{DIR_MODE, DirBuilder, FILE_MODE, Metadata, OpenOptions, Path, fs, io};
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

    pub fn private_dir(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder.mode(DIR_MODE)
    }

    pub fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(FILE_MODE)
    }

    /// Gives the owner of a new file or directory the permissions that an unusual umask withheld.
    pub fn grant_owner(path: &Path, mode: u32) -> io::Result<()> {
        match fs::symlink_metadata(path)?.mode() & mode == mode {
            true => Ok(()),
            false => fs::set_permissions(path, Permissions::from_mode(mode)),
        }
    }

    /// Doesn't follow links or wait for the other end of a FIFO.
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed())
    }
}

/// On Windows the permissions of the user's profile directory protect the files: the user, administrators and the
/// system. Those of other directories are not checked.
#[cfg(not(unix))]
mod platform {
    use super::{DirBuilder, Metadata, OpenOptions, Path, io};

    /// Opens a link itself, not its target.
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

    pub fn private_dir(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder
    }

    pub fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub fn grant_owner(_: &Path, _: u32) -> io::Result<()> {
        Ok(())
    }

    /// A link is opened itself, and so found to be no file.
    #[cfg(windows)]
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        std::os::windows::fs::OpenOptionsExt::custom_flags(options, FILE_FLAG_OPEN_REPARSE_POINT)
    }

    #[cfg(not(windows))]
    pub fn no_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }
}
