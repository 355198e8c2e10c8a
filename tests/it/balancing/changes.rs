//! Backends that come, go and change under load, against a model.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use l4lb::config::{BackendConfig, Balance};
use l4lb::pool::Order;
use l4lb::requests::{self, Change, First, Refusal, Reply, Request};
use test_backends::{Behaviour, Server};

use crate::harness::{Embedded, PATIENCE, eventually, pool_over, size};
use crate::life::{expect_echo, let_pass, site, whoami};

/// Asks, and waits for the answer.
fn ask<T: Send + 'static>(l4lb: &Embedded, request: impl FnOnce(Reply<T>) -> Request) -> T {
    let (sender, answer) = std::sync::mpsc::channel();
    let reply = Reply::new(move |answer| sender.send(answer).unwrap());
    l4lb.handle.ask(request(reply)).unwrap();
    answer.recv_timeout(PATIENCE).unwrap()
}

fn add(l4lb: &Embedded, name: &str, at: SocketAddr) -> Result<requests::Backend, Refusal> {
    let backend = BackendConfig::new(name.into(), at);
    ask(l4lb, |reply| Request::Add("app".to_owned(), backend, reply))
}

fn change(
    l4lb: &Embedded,
    name: &str,
    weight: Option<u16>,
    order: Option<Order>,
) -> requests::Backend {
    let over = None;
    let change = Change {
        weight,
        order,
        over,
    };
    let request = |reply| Request::Change("app".to_owned(), name.to_owned(), change, reply);
    ask(l4lb, request).unwrap()
}

fn remove(l4lb: &Embedded, name: &str, force: bool) -> Result<(), Refusal> {
    ask(l4lb, |reply| Request::Remove {
        pool: "app".to_owned(),
        backend: name.to_owned(),
        force,
        reply,
    })
}

fn backends(l4lb: &Embedded) -> Vec<requests::Backend> {
    ask(l4lb, |reply| Request::Backends("app".to_owned(), reply)).unwrap()
}

/// Who serves so many clients.
fn served(l4lb: &Embedded, clients: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..clients {
        *counts.entry(whoami(l4lb.address).unwrap()).or_default() += 1;
    }
    counts
}

/// What the model knows of a backend: its weight, and whether it gets sessions.
type Model = BTreeMap<String, (u16, bool)>;

#[test]
fn random_changes_agree_with_a_model_and_hold_as_soon_as_they_are_answered() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let sites = names.map(site);
    let mut pool = pool_over(&[sites[0].addr(), sites[1].addr()]);
    pool.retries = 0;
    let l4lb = Embedded::with_workers(2, pool);
    let mut model = Model::from([("a".into(), (1, true)), ("b".into(), (1, true))]);
    let mut chance = fastrand::Rng::with_seed(7);
    let until = Instant::now() + Duration::from_secs(size(4, 60));
    while Instant::now() < until {
        let name = names[chance.usize(..names.len())];
        let at = names.iter().position(|it| *it == name).unwrap();
        let live = |model: &Model| model.values().filter(|it| it.1 && it.0 > 0).count();
        let is_last = model.get(name).is_some_and(|it| it.1 && it.0 > 0) && live(&model) == 1;
        match (chance.u8(..5), model.contains_key(name)) {
            (_, false) => {
                add(&l4lb, name, sites[at].addr()).unwrap();
                model.insert(name.to_owned(), (1, true));
            }
            (0, true) if !is_last => {
                remove(&l4lb, name, chance.bool()).unwrap();
                model.remove(name);
            }
            (1, true) if !is_last => {
                let order = if chance.bool() {
                    Order::Drain
                } else {
                    Order::Maint
                };
                change(&l4lb, name, None, Some(order));
                model.get_mut(name).unwrap().1 = false;
            }
            (2, true) => {
                change(&l4lb, name, None, Some(Order::Ready));
                model.get_mut(name).unwrap().1 = true;
            }
            (_, true) => {
                let weight = chance.u16(u16::from(is_last)..6);
                change(&l4lb, name, Some(weight), None);
                model.get_mut(name).unwrap().0 = weight;
            }
        }
        let allowed = |name: &String| model.get(name).is_some_and(|it| it.1 && it.0 > 0);
        let counts = served(&l4lb, 12);
        assert!(counts.keys().all(allowed), "{counts:?} with {model:?}");
    }
    let known: BTreeMap<_, _> = backends(&l4lb)
        .into_iter()
        .map(|it| (it.name, it.weight))
        .collect();
    let expected: BTreeMap<_, _> = model.into_iter().map(|(name, it)| (name, it.0)).collect();
    assert_eq!(known, expected);
}

#[test]
fn weights_that_were_changed_are_kept_within_three_percent() {
    let sites = ["a", "b", "c"].map(site);
    let l4lb = Embedded::start(pool_over(&sites.each_ref().map(Server::addr)));
    change(&l4lb, "a", Some(7), None);
    change(&l4lb, "c", Some(2), None);
    let clients = 3000;
    let counts = served(&l4lb, clients);
    for (name, weight) in [("a", 7), ("b", 1), ("c", 2)] {
        let share = counts[name] * 10 * 100 / clients;
        let expected = weight * 100;
        assert!(share.abs_diff(expected) <= 30, "{counts:?}");
    }
}

#[test]
fn a_backend_is_shown_with_what_has_gone_through_it() {
    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = Embedded::with_workers(2, pool_over(&[echo.addr()]));
    for _ in 0..10 {
        expect_echo(&mut l4lb.connect(), b"0123456789");
    }
    let mut live = l4lb.connect();
    expect_echo(&mut live, b"live");
    eventually("nine and one are counted", || {
        let shown = &backends(&l4lb)[0];
        (shown.connections_total, shown.connections_active) == (11, 1)
            && (shown.bytes_in, shown.bytes_out) == (104, 104)
    });
    let connections: Vec<_> = ask(&l4lb, |reply| {
        Request::Connections(10, First::Oldest, reply)
    });
    assert_eq!(connections.len(), 1);
    assert_eq!(
        connections[0].client,
        live.local_addr().unwrap().to_string()
    );
    assert_eq!(
        (connections[0].bytes_in, connections[0].path.as_str()),
        (4, "copy")
    );
    let id = u64::from_str_radix(&connections[0].id, 16).unwrap();
    ask(&l4lb, |reply| Request::Kill(id, reply)).unwrap();
    let error = live.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let lines = l4lb.wait_for_access_log(11);
    assert!(lines[10].contains(" 4/4 KD "), "{lines:?}");
    let again = ask(&l4lb, |reply| Request::Kill(id, reply));
    assert!(matches!(again, Err(Refusal::Unknown(_))));
}

#[test]
fn connections_of_all_workers_are_listed_from_the_end_that_is_asked_for() {
    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = Embedded::with_workers(2, pool_over(&[echo.addr()]));
    let mut clients = [10, 200, 3000].map(|size| {
        let mut client = l4lb.connect();
        expect_echo(&mut client, &vec![b'x'; size]);
        let_pass(Duration::from_millis(20));
        client
    });
    expect_echo(&mut clients[0], b"again");
    let addresses = clients.each_ref().map(|it| it.local_addr().unwrap());
    let listed = |limit, first| -> Vec<usize> {
        let list = ask(&l4lb, |reply| Request::Connections(limit, first, reply));
        let place = |it: &requests::Connection| {
            let mut addresses = addresses.iter();
            addresses.position(|address| address.to_string() == it.client)
        };
        list.iter().filter_map(place).collect()
    };
    let table = [
        (First::Oldest, [0, 1, 2]),
        (First::Biggest, [2, 1, 0]),
        (First::Idlest, [1, 2, 0]),
    ];
    for (first, wanted) in table {
        assert_eq!(listed(10, first), wanted, "{first:?}");
        assert_eq!(listed(2, first), wanted[..2], "{first:?}");
        assert_eq!(listed(1, first), wanted[..1], "{first:?}");
    }
}

#[test]
fn a_backend_that_is_taken_away_in_mid_connect_sends_its_client_elsewhere() {
    let hole = Server::start("127.0.0.1:0", Behaviour::NeverAccept).unwrap();
    let _fills_it = TcpStream::connect(hole.addr()).unwrap();
    let good = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let mut pool = pool_over(&[hole.addr(), good.addr()]);
    (pool.connect_timeout, pool.retries) = (PATIENCE, 0);
    let l4lb = Embedded::start(pool);
    let mut client = l4lb.connect();
    eventually("it dials", || l4lb.backend("a").load.active.count() == 1);
    remove(&l4lb, "a", false).unwrap();
    expect_echo(&mut client, b"served");
}

#[test]
fn a_backend_that_is_taken_away_in_mid_transfer_lets_it_finish_or_resets_it() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let spare = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let mut pool = pool_over(&[backend.local_addr().unwrap(), spare.addr()]);
    pool.balance = Balance::First;
    for force in [false, true] {
        let l4lb = Embedded::start(pool.clone());
        let mut client = l4lb.connect();
        let (mut server, _) = backend.accept().unwrap();
        server.write_all(b"half of it, ").unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
        remove(&l4lb, "a", force).unwrap();
        assert_eq!(backends(&l4lb).len(), 1);
        if force {
            let error = client.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            continue;
        }
        server.write_all(b"and the rest").unwrap();
        drop(server);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"and the rest");
        expect_echo(&mut l4lb.connect(), b"the spare one");
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let sites = ["a", "b"].map(site);
    let l4lb = Embedded::start(pool_over(&[sites[0].addr()]));
    let before = backends(&l4lb);
    assert!(matches!(
        add(&l4lb, "a", sites[1].addr()),
        Err(Refusal::Exists(_))
    ));
    assert!(matches!(
        remove(&l4lb, "x", false),
        Err(Refusal::Unknown(_))
    ));
    let nowhere = ask(&l4lb, |reply| {
        Request::Backends("nowhere".to_owned(), reply)
    });
    assert!(matches!(nowhere, Err(Refusal::Unknown(_))));
    let reload = ask(&l4lb, Request::Reload);
    assert!(
        matches!(reload, Err(Refusal::Invalid(_))),
        "there is no file"
    );
    let names =
        |all: &[requests::Backend]| all.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&backends(&l4lb)), names(&before));
    assert_eq!(whoami(l4lb.address).unwrap(), "a");
}

#[test]
fn a_paced_drain_ends_sessions_at_a_steady_rate_the_idlest_first() {
    let echoes = [(); 2].map(|()| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap());
    let mut pool = pool_over(&echoes.each_ref().map(Server::addr));
    pool.balance = Balance::First;
    let l4lb = Embedded::with_workers(2, pool);
    let mut clients: Vec<_> = (0..20).map(|_| l4lb.connect()).collect();
    clients.iter_mut().for_each(|it| expect_echo(it, b"here"));
    let_pass(Duration::from_millis(20));
    let busy = clients.len() / 2;
    clients[..busy]
        .iter_mut()
        .for_each(|it| expect_echo(it, b"busy"));
    let drain = |over| Change {
        weight: None,
        order: Some(Order::Drain),
        over,
    };
    let start = Instant::now();
    let over = Duration::from_secs(4);
    let request = |reply| Request::Change("app".into(), "a".into(), drain(Some(over)), reply);
    let shown = ask(&l4lb, request).unwrap().paced_drain.unwrap();
    assert!(shown.left == 20 && shown.seconds_to_go > 3.0, "{shown:?}");
    eventually("half of them have gone", || {
        l4lb.backend("a").load.active.count() <= 10
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    // Those that were busy last are the ones that are left.
    clients[..busy]
        .iter_mut()
        .for_each(|it| expect_echo(it, b"still busy"));
    eventually("all have gone", || {
        l4lb.backend("a").load.active.count() == 0
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(3400), "{took:?}");
    let lines = l4lb.wait_for_access_log(20);
    assert!(lines.iter().all(|it| it.contains(" LD ")), "{lines:?}");
    expect_echo(&mut l4lb.connect(), b"the other one");
}

#[test]
fn a_paced_drain_that_is_called_off_ends_nobody_any_more() {
    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = Embedded::start(pool_over(&[echo.addr()]));
    let mut clients: Vec<_> = (0..10).map(|_| l4lb.connect()).collect();
    clients.iter_mut().for_each(|it| expect_echo(it, b"here"));
    let drain = Change {
        weight: None,
        order: Some(Order::Drain),
        over: Some(Duration::from_secs(3)),
    };
    ask(&l4lb, |reply| {
        Request::Change("app".into(), "a".into(), drain, reply)
    })
    .unwrap();
    eventually("one has gone", || {
        l4lb.backend("a").load.active.count() < 10
    });
    let shown = change(&l4lb, "a", None, Some(Order::Ready));
    assert_eq!((shown.state.as_str(), shown.paced_drain), ("up", None));
    let left = l4lb.backend("a").load.active.count();
    let_pass(Duration::from_millis(1200));
    assert_eq!(l4lb.backend("a").load.active.count(), left);
}
