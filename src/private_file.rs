//! Private files of the user: where they may be, created with mode 0600, replaced atomically, and read only if nobody
//! else can read or write them.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::lock_file::Guard;
use crate::problem::Problem;

/// Maximum file size in bytes: a token response has at most 64 KiB, which JSON escapes may double.
const MAX_LENGTH: u64 = 256 * 1024;

/// Appended to a file's name while its new content is written. No profile's name, and so no stored secret's, has a `~`.
const TEMPORARY_SUFFIX: &str = ".new~";

/// Checks that a shell has expanded the path of a directory that `source`, an option or variable, gave.
///
/// # Errors
/// If it begins with `~` or `$`.
pub fn check_expanded(dir: &Path, what: &str, source: &str) -> Result<(), Problem> {
    match dir.as_os_str().as_encoded_bytes() {
        [c @ (b'~' | b'$'), ..] => Err(Problem::new(
            format!(
                "the {what} given by {source} begins with a literal {:?}, which no shell has expanded",
                char::from(*c)
            ),
            format!("set {source} to an absolute path"),
        )),
        _ => Ok(()),
    }
}

/// Whether the directory exists.
///
/// # Errors
/// Why it cannot be used: it is no directory, or another user's.
pub fn check_dir(dir: &Path) -> Result<bool, String> {
    match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => Err(format!("{} is not a folder", dir.display())),
        Ok(found) if !platform::is_ours(&found) => Err(format!(
            "the folder {} belongs to another user",
            dir.display()
        )),
        found => Ok(found.is_ok()),
    }
}

/// Checks that a directory in a default location may be created: with the `HOME` of another user, as `sudo` may leave it,
/// root's files would end up among that user's.
///
/// # Errors
/// If the home directory is missing, or it or the parent directory belongs to another user.
pub fn check_default_location(dir: &Path, home: &Path) -> Result<(), String> {
    if !check_dir(home)? {
        return Err(format!("the folder {} does not exist", home.display()));
    }
    dir.parent().map_or(Ok(false), check_dir).map(drop)
}

/// Reads the file at `path`; `None` if there is none.
///
/// # Errors
/// Why it cannot be trusted: it is not a regular file, another user's, or others can read or write it.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let mut file = match platform::open_options().read(true).open(path) {
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

/// Opens the file at `path` to lock it, and creates it and its directory if they are missing. A link, FIFO or socket in
/// its place is removed, but never a file: another process may hold its lock.
///
/// # Errors
/// If it cannot be opened or created.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    create_parent(path)?;
    let found = fs::symlink_metadata(path);
    if found.is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        remove(path)?;
    }
    let mut options = platform::open_options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// Replaces the file at `path` atomically: readers see the old content or the new. Creates its directory if it is
/// missing. Nothing is synced to the disk, where a crash may leave half of the file.
///
/// # Errors
/// If the file cannot be written, a directory stands in its place, or the file system has no private files.
pub fn replace(path: &Path, bytes: &[u8], guard: &Guard) -> io::Result<()> {
    let dir = create_parent(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY_SUFFIX);
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(&name);
    if guard.is_exclusive() {
        // The holder of the lock always uses the same name, so it removes what a killed process left behind.
        remove(&dir.join(&name))?;
        temporary.rand_bytes(0);
    }
    let mut file = temporary.tempfile_in(dir)?;
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

/// Creates the directory of the file at `path`, and its missing parents, with mode 0700. An existing one stays as it is.
fn create_parent(path: &Path) -> io::Result<&Path> {
    let dir = path.parent().unwrap_or(Path::new(""));
    platform::dir_builder().recursive(true).create(dir)?;
    Ok(dir)
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::OFlags;

    use super::{DirBuilder, Metadata, OpenOptions};

    pub fn is_ours(metadata: &Metadata) -> bool {
        metadata.uid() == rustix::process::geteuid().as_raw()
    }

    pub fn is_private(metadata: &Metadata) -> bool {
        metadata.mode() & 0o077 == 0
    }

    pub fn dir_builder() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    /// Doesn't follow links or wait for the other end of a FIFO.
    pub fn open_options() -> OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
        options
    }
}

/// On Windows the permissions of the user's profile directory protect the files: the user, administrators and the
/// system. Those of other directories are not checked.
#[cfg(windows)]
mod platform {
    use std::os::windows::fs::OpenOptionsExt as _;

    use super::{DirBuilder, Metadata, OpenOptions};

    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

    pub fn is_ours(_: &Metadata) -> bool {
        true
    }

    pub fn is_private(_: &Metadata) -> bool {
        true
    }

    pub fn dir_builder() -> DirBuilder {
        DirBuilder::new()
    }

    /// Opens a link itself, which is then found to be no file.
    pub fn open_options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        options
    }
}
