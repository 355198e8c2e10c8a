//! The dashboard: its files, as they are in the program, and how they are served.
//!
//! A browser may keep them, and asks each time whether they are still the same: so a new l4lb is never shown
//! with the page of an old one.

use std::hash::Hasher;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use siphasher::sip::SipHasher13;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($path:expr, $name:literal, $kind:expr) => {
        File {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("page/", $name)),
        }
    };
    ($name:literal, $kind:expr) => {
        file!(concat!("/page/", $name), $name, $kind)
    };
}

const FILES: [File; 31] = [
    file!("/", "index.html", HTML),
    file!("style.css", CSS),
    file!("docs.css", CSS),
    file!("favicon.svg", "image/svg+xml"),
    file!("actions.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("capacity.js", SCRIPT),
    file!("certificates.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("charts.js", SCRIPT),
    file!("checks.js", SCRIPT),
    file!("connections.js", SCRIPT),
    file!("destinations.js", SCRIPT),
    file!("dialog.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("engine.js", SCRIPT),
    file!("events.js", SCRIPT),
    file!("feed.js", SCRIPT),
    file!("flow.js", SCRIPT),
    file!("format.js", SCRIPT),
    file!("glyphs.js", SCRIPT),
    file!("header.js", SCRIPT),
    file!("listeners.js", SCRIPT),
    file!("main.js", SCRIPT),
    file!("route.js", SCRIPT),
    file!("series.js", SCRIPT),
    file!("state.js", SCRIPT),
    file!("stream.js", SCRIPT),
    file!("table.js", SCRIPT),
    file!("theme.js", SCRIPT),
    file!("tiles.js", SCRIPT),
];

/// The routes of the page's files.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let add = |router: Router<S>, file: &File| router.route(file.path, serve(file));
    FILES.iter().fold(Router::new(), add)
}

fn serve<S: Clone + Send + Sync + 'static>(file: &File) -> MethodRouter<S> {
    let (kind, text, tag) = (file.kind, file.text, tag(file.text));
    get(async move |headers: HeaderMap| answer(&headers, kind, text, &tag))
}

fn answer(headers: &HeaderMap, kind: &'static str, text: &'static str, tag: &str) -> Response {
    let Ok(tag) = HeaderValue::from_str(tag) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let is_known = headers.get(IF_NONE_MATCH) == Some(&tag);
    let always = [
        (ETAG, tag),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    (always, [(CONTENT_TYPE, kind)], text).into_response()
}

/// The same for the same text, in every build.
fn tag(text: &str) -> String {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_the_folder_is_served_and_every_import_is_one_of_them() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| match name.as_str() {
                "index.html" => "/".to_owned(),
                _ => format!("/page/{name}"),
            })
            .collect();
        let served: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(there, served);
        for file in &FILES {
            for imported in file.text.split(" from \"./").skip(1) {
                let name = imported.split('"').next().unwrap();
                assert!(
                    served.contains(&format!("/page/{name}")),
                    "{name} of {}",
                    file.path
                );
            }
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_is_inline() {
        for file in &FILES {
            let text = file.text.replace("http://www.w3.org/2000/svg", "");
            let forbidden = [
                "http:",
                "https:",
                "@import",
                "url(",
                "<style",
                "style=\"",
                "onclick=\"",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "eval(",
                "document.write",
            ];
            for word in forbidden {
                assert!(!text.contains(word), "{word} in {}", file.path);
            }
        }
    }

    #[test]
    fn the_files_stay_small() {
        for file in &FILES {
            let lines = file.text.lines().count();
            let most = if file.kind == CSS { 450 } else { 250 };
            assert!(lines <= most, "{} has {lines} lines", file.path);
        }
    }
}
