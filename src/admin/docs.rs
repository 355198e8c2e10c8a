//! A plain page that names the endpoints, made from the OpenAPI document. It loads its style alone.

use std::fmt::Write;

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>l4lb</title>\
    <link rel=\"icon\" href=\"/page/favicon.svg\"><link rel=\"stylesheet\" href=\"/page/docs.css\">\
    </head><body><h1>l4lb</h1>";

/// The page.
pub(super) fn html(document: &OpenApi) -> String {
    let mut page = HEAD.to_owned();
    let about = document.info.description.as_deref().unwrap_or_default();
    let link = "<a href=\"/v1/openapi.json\">openapi.json</a> is for programs, \
                <a href=\"/\">the dashboard</a> for people.";
    page += &format!("<p>{} {link}</p><table>", escaped(about));
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let path = escaped(path);
            let does = escaped(&what_it_does(operation));
            // Writing to a string never fails.
            let _ = write!(
                page,
                "<tr><td><code>{method}</code></td><td><code>{path}</code></td><td>{does}</td></tr>"
            );
        }
    }
    page + "</table></body></html>\n"
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn what_it_does(operation: &Operation) -> String {
    let parts = [&operation.summary, &operation.description];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join(" ")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}
