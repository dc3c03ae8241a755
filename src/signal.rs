//! Signals that must not end the program.

/// Makes a write beyond the file size limit (`ulimit -f`) fail instead of ending the process with a token that was
/// fetched and never printed. A handler rather than `SIG_IGN`: `exec` resets it for the command of `run`.
pub fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        use std::sync::atomic::AtomicBool;
        static RECEIVED: AtomicBool = AtomicBool::new(false);
        // Best effort: the write reports what went wrong.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, &RECEIVED);
    }
}
