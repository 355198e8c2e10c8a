//! What answers of name servers look like: aliases, and what does not fit into a packet.

use super::name_server::{NameServer, Saying, addresses, alias};
use super::{Scene, sites};
use crate::harness::eventually;

#[test]
fn an_answer_that_does_not_fit_into_a_packet_is_asked_for_over_tcp() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names = NameServer::start();
    let few = || addresses(&["127.0.0.2"]);
    names.say("few.example", Saying::Long(1, few()));
    let many: Vec<String> = (0..1200_u16)
        .map(|it| format!("127.1.{}.{}", it / 250, 1 + it % 250))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    names.say("many.example", Saying::Long(60, addresses(&many)));
    let pool = format!(
        "backends = [\"few.example:{port}\", {{ address = \"many.example:{port}\", backup = true }}]\n\
         health = {{ type = \"off\" }}"
    );
    let mut scene = Scene::start(names, &pool);
    let backends = scene.backends();
    assert_eq!(backends.len(), 1 + 1000, "so many of a name, and no more");
    assert_eq!(backends[0], format!("127.0.0.2:{port} up 1"));
    let cut =
        format!("pool app: many.example:{port} stands for 1200 backends: the first 1000 are used");
    scene.l4lb.wait_for_log(&cut);
    assert_eq!(scene.serving(2), ["127.0.0.2"]);
    // Where an answer fits again, it counts as well.
    scene.names.has("few.example", &[]);
    scene.names.has("few.example", &["127.0.0.3"]);
    scene.l4lb.wait_for_log(&format!(
        "pool app: +127.0.0.3:{port} -127.0.0.2:{port} (few.example:{port})"
    ));
}

#[test]
fn an_alias_leads_to_the_addresses_wherever_they_are_said() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names = NameServer::start();
    // The addresses beside the alias are those of the name that it leads to.
    let both = [vec![alias("b.example.")], addresses(&["127.0.0.2"])].concat();
    names.say("beside.example", Saying::Records(1, both));
    names.say(
        "once.example",
        Saying::Records(1, vec![alias("twice.example.")]),
    );
    names.say(
        "twice.example",
        Saying::Records(1, vec![alias("end.example.")]),
    );
    names.has("end.example", &["127.0.0.2"]);
    // One that leads nowhere but back.
    names.say(
        "loop.example",
        Saying::Records(1, vec![alias("pool.example.")]),
    );
    names.say(
        "pool.example",
        Saying::Records(1, vec![alias("loop.example.")]),
    );
    let entries = ["beside", "once", "loop"]
        .map(|it| format!("{{ name = \"{it}\", address = \"{it}.example:{port}\" }}"));
    let mut scene = Scene::start(names, &format!("backends = [{}]", entries.join(", ")));
    scene.l4lb.wait_for_log("cannot resolve 'loop.example': ");
    // The same server: the first entry counts.
    scene.wait_for(&[&format!("beside@127.0.0.2:{port} up 1")]);
    scene.names.say("beside.example", Saying::NoName);
    scene.names.has("end.example", &["::1"]);
    let [beside, once] = ["beside@127.0.0.2", "once@[::1]"];
    eventually("both", || {
        let names = scene.backends();
        names.len() == 2 && names[0].starts_with(beside) && names[1].starts_with(once)
    });
}
