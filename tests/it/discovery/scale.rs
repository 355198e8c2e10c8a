//! A pool whose command adds and removes backends that go by a name.

use super::{NameServer, Scene};

/// A pool without sessions, so that it wants `min`, and what its command does.
fn pool(manner: &str, min: u32, max: u32) -> String {
    let command = serde_json::Value::from(manner);
    format!(
        "health = {{ type = \"off\" }}\n\
         backends = [\"127.0.0.1:1\", {{ name = \"web\", address = \"web.example:80\" }}]\n\
         scale = {{ target = 1, min = {min}, max = {max}, after = \"1ms\", cool_down = \"1ms\",\n\
         command = [\"/bin/sh\", \"-c\", {command}] }}"
    )
}

#[test]
fn a_name_that_stands_for_several_is_known_and_goes_with_all_of_them() {
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2", "127.0.0.3"]);
    names.has("app.example", &["127.0.0.4", "127.0.0.5"]);
    let mut scene = Scene::start(names, &pool("echo add web=127.0.0.9:80", 9, 9));
    scene
        .l4lb
        .wait_for_log("failed: there is a backend web already");
    // Added by the name, known by the name, removed by the name.
    scene.rewrite(&pool("echo add app=app.example:80", 9, 9));
    let all = [
        "127.0.0.1:1 up 1",
        "web@127.0.0.2:80 up 1",
        "web@127.0.0.3:80 up 1",
        "app@127.0.0.4:80 up 1",
        "app@127.0.0.5:80 up 1",
    ];
    scene.wait_for(&all);
    scene
        .l4lb
        .wait_for_log("failed: there is a backend app already");
    scene.wait_for(&all);
    scene.rewrite(&pool(
        "echo remove app; echo remove web; echo add x=127.0.0.7:80",
        2,
        9,
    ));
    scene.wait_for(&["127.0.0.1:1 up 1", "x up 1"]);
}

#[test]
fn a_name_counts_as_often_as_it_has_addresses() {
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2"]);
    names.has("app.example", &["127.0.0.4", "127.0.0.5"]);
    let mut scene = Scene::start(names, &pool("echo add app=app.example:80", 3, 3));
    let why = "failed: 4 backends are more than the most, 3";
    scene.l4lb.wait_for_log(why);
    scene.wait_for(&["127.0.0.1:1 up 1", "web@127.0.0.2:80 up 1"]);
}
