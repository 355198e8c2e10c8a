//! Which handler serves what. One list makes the routes and the OpenAPI document.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::routing::{MethodRouter, get};
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::MOST_BYTES;
use super::desk::Desk;
use super::events::{self, Feed};
use super::overview::{self, Watch};
use super::problem::{Details, PROBLEM_JSON, Problem};
use super::{docs, metrics, page, read, write};

/// What a page is, in a header.
const HTML: &str = "text/html; charset=utf-8";

/// What handlers have.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) desk: Desk,
    pub(super) feed: Feed,
    pub(super) watch: Watch,
}

/// The document before the handlers add to it.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "l4lb",
        description = "The admin API of a running l4lb. Reads need no token.",
    ),
    components(schemas(Details)),
    tags(
        (name = "probe", description = "For those who only ask whether it runs"),
        (name = "read", description = "How it is"),
        (name = "write", description = "These change something"),
    ),
)]
struct Document;

/// The routes without what goes around them.
pub(super) fn router(shared: Shared) -> Router {
    let (routes, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(read::livez))
        .routes(routes!(read::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(overview::overview))
        .routes(routes!(overview::watch))
        .routes(routes!(overview::history))
        .routes(routes!(read::status))
        .routes(routes!(read::config))
        .routes(routes!(read::pools))
        .routes(routes!(read::backends, write::add))
        .routes(routes!(write::change, write::remove))
        .routes(routes!(read::explain))
        .routes(routes!(read::connections))
        .routes(routes!(write::kill))
        .routes(routes!(events::events))
        .routes(routes!(write::diff))
        .routes(routes!(write::reload))
        .routes(routes!(write::drain))
        .split_for_parts();
    complete(&mut document);
    let docs = Bytes::from(docs::html(&document));
    let document = Bytes::from(document.to_json().unwrap_or_default());
    routes
        .merge(page::routes())
        .route("/v1/docs", fixed(HTML, docs))
        .route("/v1/openapi.json", fixed("application/json", document))
        .fallback(nothing_there)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(shared)
}

/// The same bytes for everybody.
fn fixed(kind: &'static str, bytes: Bytes) -> MethodRouter<Shared> {
    get(async move || ([(header::CONTENT_TYPE, kind)], bytes.clone()))
}

async fn nothing_there() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing of that name")
}

/// Which methods there are instead stands in the header that the router adds.
async fn not_that_way() -> Problem {
    let detail = "what is there does not know this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Adds to the document what holds for all operations: how errors look, and what the token is.
fn complete(document: &mut utoipa::openapi::OpenApi) {
    let error = ResponseBuilder::new()
        .description("What is wrong")
        .content(
            PROBLEM_JSON,
            Content::new(Some(Ref::from_schema_name("Problem"))),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            post,
            patch,
            delete,
            ..
        } = item;
        for operation in [get, post, patch, delete].into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), error.clone().into());
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
}

/// What the path names. Names that are no UTF-8 are names of nothing.
pub(super) struct InPath<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for InPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => Err(nothing_there().await),
        }
    }
}
