//! Table tests: every row runs, and the failure names each row that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Runs `test` on every row. Each failed row prints its own panic.
pub fn each_row<T>(rows: &[T], name: impl Fn(&T) -> &str, test: impl Fn(&T)) {
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| !passes(name(row), || test(row)))
        .map(&name)
        .collect();
    assert!(failed.is_empty(), "rows that failed: {failed:#?}");
}

/// Like [`each_row`], with one thread per row, for rows that mostly wait.
pub fn each_row_at_once<T: Sync>(rows: &[T], name: fn(&T) -> &str, test: impl Fn(&T) + Sync) {
    let failed: Vec<&str> = thread::scope(|scope| {
        let running: Vec<_> = rows
            .iter()
            .map(|row| scope.spawn(|| passes(name(row), || test(row))))
            .collect();
        let passed = running.into_iter().map(|row| row.join().unwrap());
        rows.iter()
            .zip(passed)
            .filter(|(_, passed)| !passed)
            .map(|(row, _)| name(row))
            .collect()
    });
    assert!(failed.is_empty(), "rows that failed: {failed:#?}");
}

fn passes(name: &str, test: impl FnOnce()) -> bool {
    // Unwind safe: each row creates its own environment and servers.
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    if !passed {
        eprintln!("^^^ in row {name:?}\n");
    }
    passed
}
