//! The layout of messages on standard error.

use crate::support::TestEnv;

/// An error whose message and hint are both longer than 60 columns.
const FAILS: &str = "cells-token get --client-secret x --client-secret-file secret.txt";

#[cfg(unix)]
#[test]
fn messages_wrap_between_words_at_the_width_of_the_terminal() {
    let env = TestEnv::new();
    let unwrapped = env.sh(FAILS).exits(2).stderr.clone();
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest(&unwrapped) > 60, "{unwrapped}");

    let ended = env
        .terminal("sh", &format!("stty rows 24 cols 60; {FAILS}"))
        .finish();
    assert!(longest(&ended.screen) <= 60, "{}", ended.screen);
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&ended.screen), words(&unwrapped));
}
