//! Profiles whose secret is in the keyring, against a real gnome-keyring.

use std::fs;
use std::time::Duration;

use crate::support::{ID, Keyring, Reply, SECRET, Server, TestEnv};

/// A caching environment with a keyring and a profile `work`, whose credentials are nowhere else.
fn logged_in(server: &Server) -> Option<(TestEnv, Keyring)> {
    let mut env = TestEnv::caching(server);
    let keyring = Keyring::start(&mut env)?;
    env.run(&["login", "--profile", "work"])
        .exits(0)
        .prints("")
        .says("saved the profile work for the client id")
        .says("its secret is in the keyring");
    for name in ["CELLS_CLIENT_ID", "CELLS_CLIENT_SECRET", "CELLS_BASE_URL"] {
        env.unset(name);
    }
    Some((env, keyring))
}

#[test]
fn the_secret_is_in_the_keyring_and_nowhere_else() {
    let server = Server::replies([Reply::token(), Reply::token()]);
    let Some((env, keyring)) = logged_in(&server) else {
        return;
    };
    // Every run searches all files for the secret, those of the keyring too.
    let properties = keyring.properties();
    for attribute in ["cells-token", "work", "keyring:work@cells-token"] {
        assert!(properties.contains(attribute), "{properties}");
    }
    for private in [SECRET, ID] {
        assert!(!properties.contains(private), "{properties}");
    }
    let file = fs::read_to_string(env.config_dir().join("profiles.json")).unwrap();
    assert!(file.contains(r#""secret": "keyring""#), "{file}");

    env.run(&["get"]).exits(0);
    assert_eq!(server.requests().len(), 1, "login has cached its token");
    env.run(&["get", "--refresh", "--profile", "work"]).exits(0);
    let request = server.requests().pop().unwrap();
    assert_eq!(request.field("client_secret").as_deref(), Some(SECRET));

    env.run(&["run", "--", "env"]).exits(0).never_says(SECRET);
    env.run(&["logout"]).exits(0).prints("");
    assert_eq!(keyring.properties(), "");
    env.run(&["get"]).exits(3).hints("cells-token login");
}

#[test]
fn an_existing_entry_is_replaced() {
    let server = Server::replies([Reply::token()]);
    let Some((mut env, keyring)) = logged_in(&server) else {
        return;
    };
    env.var("CELLS_CLIENT_ID", "another-id")
        .var("CELLS_CLIENT_SECRET", "another-secret");
    env.run(&["login", "--profile", "work", "--no-check"])
        .exits(0)
        .says("the profile work exists and will be replaced");
    let entries = keyring.properties().matches("keyring:work@").count();
    assert_eq!(entries, 1);
}

#[test]
fn a_keyring_that_cannot_be_read_is_reported_when_a_request_is_needed() {
    let server = Server::replies([Reply::token()]);
    let Some((env, mut keyring)) = logged_in(&server) else {
        return;
    };
    let says = |why: &str| {
        // The cached token needs no secret.
        env.run(&["get"]).exits(0);
        env.run(&["status"]).exits(0);
        env.run(&["get", "--refresh"])
            .exits(3)
            .says("cannot read the client secret from the keyring (the profile work): ")
            .says(why)
            .hints("cells-token login --profile work");
        // Nothing is saved.
        let credentials = ["--client-id", ID, "--client-secret", SECRET, "--no-check"];
        env.run(&[&["login", "--profile", "other"][..], &credentials].concat())
            .exits(1)
            .says("cannot save the client secret in the keyring: ")
            .says(why)
            .hints("--store file");
    };
    keyring.lock();
    says("it cannot be unlocked");
    keyring.stop_daemon();
    says("no keyring service");
    keyring.stop_bus();
    says("no keyring service");
    env.run(&["logout"])
        .exits(1)
        .says("cannot delete the client secret of the profile work from the keyring: ")
        .says("no keyring service");
    let file = fs::read_to_string(env.config_dir().join("profiles.json")).unwrap();
    assert!(file.contains("work") && !file.contains("other"), "{file}");
}

#[test]
fn a_lost_entry_is_told_from_a_failing_keyring() {
    let server = Server::replies([Reply::token()]);
    let Some((mut env, keyring)) = logged_in(&server) else {
        return;
    };
    keyring.delete_entries();
    env.run(&["get", "--refresh"])
        .exits(3)
        .says("it has no entry for the profile")
        .hints("cells-token login --profile work");
    env.run(&["logout"]).exits(0);
    env.var("CELLS_CLIENT_ID", ID);
    env.run(&["get"]).exits(3).says("no client secret");
}

#[test]
fn a_prompt_that_nobody_answers_is_waited_for_ten_seconds() {
    let server = Server::replies([Reply::token()]);
    let Some((env, mut keyring)) = logged_in(&server) else {
        return;
    };
    keyring.lock();
    keyring.never_answer_prompts();
    let output = env.run(&["get", "--refresh"]);
    output
        .exits(3)
        .says("no answer within 10 seconds; it may be locked");
    let waited = output.elapsed;
    assert!(
        Duration::from_secs(10) <= waited && waited < Duration::from_secs(20),
        "{output}"
    );
}
