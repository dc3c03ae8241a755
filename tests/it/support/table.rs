//! Tables: every row is tried, and the failure names each row that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Runs `test` on every row. What failed in a row is printed by its own panic, above the list of names.
pub fn each_row<T>(rows: &[T], name: impl Fn(&T) -> &str, test: impl Fn(&T)) {
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| !passes(name(row), || test(row)))
        .map(&name)
        .collect();
    assert!(failed.is_empty(), "rows that failed: {failed:#?}");
}

/// The same with a thread a row, for rows that do nothing but wait.
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
    // A row shares nothing that a panic could leave half-done: worlds and servers are made inside it.
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    if !passed {
        eprintln!("^^^ in row {name:?}\n");
    }
    passed
}
