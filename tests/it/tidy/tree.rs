//! The files that tidy reads: every Rust file of the workspace, in a stable order.

use std::fs;
use std::path::Path;

use super::source::Source;

/// Folders with code of ours, seen from the root of the repository.
const ROOTS: [&str; 3] = ["src", "test-backends", "tests"];

/// All sources of the workspace.
pub(super) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ROOTS {
        collect(root, folder, &mut found);
    }
    found
}

fn collect(root: &Path, folder: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(root.join(folder)).expect("a folder of the workspace can be listed");
    let mut entries: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry can be read"))
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        if entry.path().is_dir() {
            if name != "target" {
                collect(root, &path, found);
            }
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("a source file is UTF-8");
            found.push(Source::new(&path, &text));
        }
    }
}

#[test]
fn the_walk_finds_both_crates_and_this_very_file() {
    let sources = sources();
    for path in [
        "src/main.rs",
        "test-backends/src/lib.rs",
        "tests/it/tidy/tree.rs",
    ] {
        assert!(
            sources.iter().any(|source| source.path == path),
            "{path} was not read: the rules check nothing"
        );
    }
}
