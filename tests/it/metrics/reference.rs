//! docs/metrics.md has a row for each metric. `L4LB_BLESS=1 cargo test --test it metrics` writes them again.

use std::fmt::Write;

use l4lb::metrics::FAMILIES;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
const HEAD: &str = "| metric | kind | labels | meaning |\n|---|---|---|---|\n";

#[test]
fn the_page_has_a_row_for_each_metric() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(HEAD).unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let mut wanted = format!("{before}{HEAD}");
    for family in FAMILIES {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
        let (name, help) = (family.name, family.help);
        writeln!(
            wanted,
            "| `{name}` | {kind} | {} | {help} |",
            labels.join(" ")
        )
        .unwrap();
    }
    wanted += &format!("\n{after}");
    if std::env::var_os("L4LB_BLESS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    } else {
        let advice = "docs/metrics.md is not what the table says: run L4LB_BLESS=1 cargo test --test it metrics";
        assert!(page == wanted, "{advice}");
    }
}
