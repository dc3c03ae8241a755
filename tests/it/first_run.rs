//! The first run without credentials: the prompt says where to get them, and the output how to skip it next time.

use std::fs;

use crate::support::{Reply, SECRET, Server, TOKEN, TestEnv};

const ID: &str = "it's my-id";
const DASHBOARD: &str = "https://dashboard.aspose.cloud";
const NEXT_TIME: &str = "cells-token: run cells-token login to skip the prompt next time\n";

/// An environment without credentials.
fn without_credentials(server: &Server) -> TestEnv {
    let mut env = TestEnv::new();
    env.var("CELLS_BASE_URL", server.url());
    env
}

#[test]
fn the_first_run_prompts_and_suggests_login() {
    let server = Server::replies([Reply::token()]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "cells-token get >token 2>messages; echo status $?");
    terminal
        .wait_for(DASHBOARD)
        .wait_for("Client ID: ")
        .type_line(ID);
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line(SECRET)
        .wait_for("status 0");
    terminal.finish();
    assert_eq!(
        fs::read_to_string(env.path("token")).unwrap(),
        format!("{TOKEN}\n")
    );
    let messages = fs::read_to_string(env.path("messages")).unwrap();
    assert_eq!(messages, NEXT_TIME);
    let request = server.request();
    assert_eq!(request.field("client_id").as_deref(), Some(ID));
    assert_eq!(request.field("client_secret").as_deref(), Some(SECRET));
}

#[test]
fn quiet_prompts_without_a_suggestion() {
    let server = Server::replies([Reply::token()]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "cells-token get -q >token 2>messages; echo status $?");
    terminal
        .wait_for(DASHBOARD)
        .wait_for("Client ID: ")
        .type_line(ID);
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line(SECRET)
        .wait_for("status 0");
    terminal.finish();
    assert_eq!(fs::read_to_string(env.path("messages")).unwrap(), "");
}

#[test]
fn a_user_who_set_the_client_id_gets_no_suggestion() {
    let server = Server::replies([Reply::token()]);
    let mut env = without_credentials(&server);
    env.var("CELLS_CLIENT_ID", ID);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line(SECRET)
        .wait_for("status 0");
    let screen = terminal.finish().screen;
    assert!(
        !screen.contains(DASHBOARD) && !screen.contains(NEXT_TIME.trim()),
        "{screen}"
    );
}

#[test]
fn a_failed_first_run_has_no_suggestion() {
    let server = Server::replies([Reply::json(401, r#"{"error":"invalid_client"}"#)]);
    let env = without_credentials(&server);
    let mut terminal = env.terminal("sh", "cells-token get >token; echo status $?");
    terminal.wait_for("Client ID: ").type_line(ID);
    terminal
        .wait_for("secret")
        .wait_for_echo(false)
        .type_line(SECRET)
        .wait_for("status 4");
    let screen = terminal.finish().screen;
    assert!(!screen.contains(NEXT_TIME.trim()), "{screen}");
}

#[test]
fn without_a_terminal_there_is_no_suggestion() {
    let server = Server::untouched();
    let output = without_credentials(&server).run(&["get"]);
    output
        .exits(3)
        .never_says("next time")
        .hints("CELLS_CLIENT_SECRET");
}
