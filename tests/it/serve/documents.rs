//! `docs/fleet.md` and `packaging/kubernetes.yaml` agree with the program.

use super::*;

/// Recomputes the table and the numbers in `docs/fleet.md`.
#[test]
fn the_arithmetic_is_right() {
    const JOB_MINUTES: f64 = 10.0;
    /// An hour less the margin of five minutes.
    const GOOD_MINUTES: f64 = 55.0;
    const REPLICAS: f64 = 2.0;
    const LIMIT: f64 = 60.0;
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.md")).unwrap();
    let rows: Vec<Vec<f64>> = page
        .lines()
        .map(|line| {
            line.split('|')
                .filter_map(|cell| cell.trim().parse().ok())
                .collect()
        })
        .filter(|row: &Vec<f64>| row.len() == 4)
        .collect();
    let runners: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(runners, [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
    for row in &rows {
        let expected = [
            row[0] / JOB_MINUTES,
            row[0] / GOOD_MINUTES,
            REPLICAS / GOOD_MINUTES,
        ];
        for (told, expected) in row[1..].iter().zip(expected) {
            assert!(
                (told - expected).abs() <= 0.15 * expected,
                "{told} for {expected} in {row:?}"
            );
        }
    }
    let identities = LIMIT * GOOD_MINUTES / REPLICAS;
    let a_second = (1e5_f64 / 60.0).round();
    for told in [
        format!("with fewer than {identities} identities"),
        format!("are {a_second} a second"),
    ] {
        assert!(page.contains(&told), "{told:?}");
    }
}

/// The arguments in `packaging/kubernetes.yaml`, with other paths and another port.
#[test]
fn the_arguments_of_the_deployment_are_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/kubernetes.yaml");
    let page = fs::read_to_string(page).unwrap();
    let server = Server::replies([Reply::token()]);
    let authority = Authority::new();
    let mut env = environment(&server);
    let (cert, key) = authority.pems(Cert::Good);
    let ca = env.file("ca.pem", authority.pem());
    let files = [
        ("/run/tls/tls.crt", env.file("cert.pem", cert)),
        ("/run/tls/tls.key", env.file("key.pem", key)),
        (
            "/run/cells-token/caller-keys",
            env.private_file("keys", "a-key-of-16-chars\n"),
        ),
        ("/run/cells-token/client-secret", env.file("client", SECRET)),
    ];
    env.var("CELLS_CLIENT_ID", ID).var("CELLS_NO_INPUT", "1");
    let (_, args) = page.split_once("args:\n            - serve\n").unwrap();
    let args = args
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    let args: Vec<String> = args
        .map(|arg| {
            let arg = arg.replace("--listen=0.0.0.0:8470", "--listen=0.0.0.0:0");
            files
                .iter()
                .fold(arg, |arg, (there, here)| arg.replace(there, here))
        })
        .collect();
    assert!(args.len() >= 6, "{args:?}");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let serving = env.serve(&args);
    let port = serving.address().port();
    let curl = format!("curl -sS --noproxy '*' --cacert {ca} https://127.0.0.1:{port}");
    env.sh(&format!("{curl}/healthz")).exits(0).prints("ok\n");
    assert!(page.contains("path: /healthz"));
    let asked = env.sh(&format!(
        "{curl}/v4.0/cells/connect/token -X POST -H 'Authorization: Bearer a-key-of-16-chars'"
    ));
    assert!(asked.exits(0).stdout.contains(TOKEN), "{asked}");
    assert_eq!(server.request().field("client_secret").unwrap(), SECRET);
    serving.finish();
}
