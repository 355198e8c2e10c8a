//! The section of a pool that scales: what it may not say, and where it is told.

use super::SMALL;
use super::bad::expect;

/// What is wrong after [`SMALL`], whose last table is `[pool.app]` and whose lines are six.
const AFTER_SMALL: [(&str, &[&str]); 8] = [
    (
        "scale = { targets = 1, command = [\"x\"] }",
        &[
            "7:9: pool.app.scale: target is missing",
            "7:11: pool.app.scale: unknown key \"targets\"",
        ],
    ),
    (
        "scale = { target = 0, command = [\"x\"] }",
        &["7:20: 0 is not a whole number from 1"],
    ),
    (
        "scale = { target = 1, command = [] }",
        &["7:33: pool.app.scale.command: at least one is needed"],
    ),
    (
        "scale = { target = 1, command = [\"\", \"x\"] }",
        &["7:34: pool.app.scale: the program of the command is empty"],
    ),
    (
        "scale = { target = 1, command = [\"x\", \"\\u0000\"] }",
        &["7:39: a word of a command has no NUL"],
    ),
    (
        "scale = { target = 1, command = \"x -y\" }",
        &["7:33: a string stands where an array is wanted"],
    ),
    (
        "scale = { target = 1, command = [\"x\"], min = 3, max = 2 }",
        &["7:55: pool.app.scale: the fewest backends (min), 3, are more than the most (max), 2"],
    ),
    (
        "scale = { target = 1, command = [\"x\"], min = 11 }",
        &["7:46: pool.app.scale: the fewest backends (min), 11, are more than the most (max), 10"],
    ),
];

#[test]
fn every_wrong_scale_is_told_with_its_place() {
    for (text, wanted) in AFTER_SMALL {
        expect("l4lb.toml", format!("{SMALL}{text}\n").as_bytes(), wanted);
    }
}
