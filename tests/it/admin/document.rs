//! The OpenAPI document and the list of endpoints that is made from it.

use std::collections::BTreeSet;

use super::Admin;

/// What the contract has, less the dashboard.
const OPERATIONS: [&str; 20] = [
    "get /metrics",
    "get /v1/overview",
    "get /v1/overview/stream",
    "get /v1/history",
    "get /livez",
    "get /readyz",
    "get /v1/status",
    "get /v1/config",
    "get /v1/pools",
    "get /v1/pools/{pool}/backends",
    "get /v1/connections",
    "get /v1/events",
    "get /v1/explain",
    "post /v1/pools/{pool}/backends",
    "patch /v1/pools/{pool}/backends/{name}",
    "delete /v1/pools/{pool}/backends/{name}",
    "delete /v1/connections/{id}",
    "post /v1/config/diff",
    "post /v1/reload",
    "post /v1/drain",
];

#[test]
fn the_document_has_the_operations_of_the_contract_and_no_others() {
    let admin = Admin::start();
    let answer = admin.get("/v1/openapi.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            let is_write = method != "get";
            let has_summary = operation["summary"].is_string();
            assert!(has_summary, "{name}");
            assert_eq!(operation["security"].is_array(), is_write, "{name}");
            let error = &operation["responses"]["default"]["content"];
            assert!(error["application/problem+json"].is_object(), "{name}");
            found.insert(name);
        }
    }
    let wanted = OPERATIONS.map(str::to_owned);
    assert_eq!(found, wanted.into());
}

#[test]
fn all_that_the_document_refers_to_is_in_it() {
    let admin = Admin::start();
    let answer = admin.get("/v1/openapi.json");
    let document = answer.json();
    let references = answer.body.split("\"$ref\":\"#/").skip(1);
    let references: Vec<_> = references.filter_map(|it| it.split('"').next()).collect();
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let found = document.pointer(&format!("/{reference}"));
        assert!(found.is_some(), "{reference}");
    }
    let members = &document["components"]["schemas"]["Backend"]["properties"];
    assert!(members["last_check"].is_object());
    assert!(document["components"]["securitySchemes"]["token"].is_object());
}

#[test]
fn the_list_of_endpoints_names_every_operation_and_loads_its_style_alone() {
    let admin = Admin::start();
    let page = admin.get("/v1/docs");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    for operation in OPERATIONS {
        let (method, path) = operation.split_once(' ').unwrap();
        let row = format!(
            "<code>{}</code></td><td><code>{path}</code>",
            method.to_uppercase()
        );
        assert!(page.body.contains(&row), "{operation}");
    }
    for outside in ["src=", "@import", "url(", "<script", "http:", "https:"] {
        assert!(!page.body.contains(outside), "{outside}");
    }
}
