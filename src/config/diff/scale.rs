//! What is different between the rules by which a pool grows and shrinks.

use super::{time, value};
use crate::config::ScaleConfig;

pub(super) fn rules(changes: &mut Vec<String>, whose: &str, was: &ScaleConfig, is: &ScaleConfig) {
    let command = (&was.command, &is.command);
    value(changes, whose, "command", command, |it| format!("{it:?}"));
    let numbers = [
        ("target", was.target, is.target),
        ("min", was.min, is.min),
        ("max", was.max, is.max),
    ];
    for (key, was, is) in numbers {
        value(changes, whose, key, (&was, &is), ToString::to_string);
    }
    let times = [
        ("after", was.after, is.after),
        ("cool_down", was.cool_down, is.cool_down),
        ("timeout", was.timeout, is.timeout),
    ];
    for (key, was, is) in times {
        value(changes, whose, key, (&was, &is), |it| time(*it));
    }
}
