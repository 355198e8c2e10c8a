//! Another parser, that of hyper's server, is given what would be sent on: it sees the same
//! requests, or refuses them, and never sees one as two.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::AsyncWriteExt;

use super::pieces::{Relayed, conversation, relayed};

/// What hyper's server sees: method, target and body of each request that is whole.
fn seen_by_hyper(bytes: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1024 * 1024);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let service = service_fn(|request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                if let Ok(body) = body.collect().await {
                    let (method, target) = (head.method.to_string(), head.uri.to_string());
                    seen.lock()
                        .unwrap()
                        .push((method, target, body.to_bytes().to_vec()));
                }
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        // Its error, if any, is that it has refused: then it has seen less.
        let _refused = http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service)
            .await;
    });
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

/// Fails where hyper sees what l4lb has not; whether it sees all of it.
#[track_caller]
fn agrees(relayed: &Relayed) -> bool {
    let seen = seen_by_hyper(&relayed.bytes);
    let ours = relayed.requests.iter().map(|it| {
        let target = it.target.clone();
        (it.method.clone(), target, it.body.clone())
    });
    let ours: Vec<_> = ours.collect();
    let sent = relayed.bytes.escape_ascii().to_string();
    assert!(
        ours.starts_with(&seen),
        "{sent}\nhyper: {seen:?}\nl4lb: {ours:?}"
    );
    seen.len() == ours.len()
}

#[test]
fn hyper_never_sees_a_request_as_two() {
    let mut runner = TestRunner::deterministic();
    let strategy = conversation();
    let (mut several, mut agreed) = (0, 0);
    for _ in 0..3000 {
        let bytes = strategy.new_tree(&mut runner).unwrap().current();
        let relayed = relayed(&bytes);
        let agrees = agrees(&relayed);
        several += usize::from(relayed.requests.len() > 1);
        agreed += usize::from(relayed.requests.len() > 1 && agrees);
    }
    assert!(
        several > 300,
        "only {several} conversations of several requests"
    );
    assert!(
        agreed * 10 > several * 9,
        "hyper sees all of {agreed} of {several}"
    );
}
