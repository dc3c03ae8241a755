//! `pass` with a key of the test's own as the secret command.

use crate::support::{ID, Reply, SECRET, Server, TestEnv, is_installed};

/// Ends the agent that gpg starts, however the script ends.
const SCRIPT: &str = r#"
set -e
trap 'gpgconf --kill all' EXIT
{
    gpg --batch --passphrase '' --quick-generate-key test@host.invalid default default never
    pass init test@host.invalid
    printf '%s\nlogin: me\n' "$MINE" | pass insert --multiline aspose
} >/dev/null 2>&1
cells-token get --client-secret-command 'pass show aspose'
"#;

#[test]
fn pass_gives_the_secret() {
    if !is_installed("pass") || !is_installed("gpg") {
        return;
    }
    let server = Server::replies([Reply::token()]);
    let mut env = TestEnv::new();
    env.var("CELLS_CLIENT_ID", ID)
        .var("CELLS_BASE_URL", server.url())
        .var("MINE", SECRET);
    env.sh(SCRIPT).exits(0);
    let sent = server.request().field("client_secret");
    assert_eq!(sent.as_deref(), Some(SECRET));
}
