//! A name server of our own: it says what a test has told it, and counts what it is asked.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What is said of a name.
#[derive(Clone)]
pub(super) enum Saying {
    /// These records, which live so many seconds, and none of another type but that of an alias.
    Records(u32, Vec<RData>),
    /// The same, none of which fits into a packet: they are told over TCP.
    Long(u32, Vec<RData>),
    /// There is no such name.
    NoName,
    /// SERVFAIL.
    Failure,
    /// SERVFAIL to questions for this type of record, else the records.
    FailureFor(RecordType, u32, Vec<RData>),
    /// Nothing at all.
    Silence,
}

/// What is said of each name, and how often each was asked for.
#[derive(Default)]
struct Zone {
    sayings: HashMap<String, Saying>,
    asked: HashMap<String, usize>,
}

pub(super) struct NameServer {
    pub(super) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Addresses as records.
pub(super) fn addresses(texts: &[&str]) -> Vec<RData> {
    let record = |text: &&str| match text.parse().unwrap() {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    };
    texts.iter().map(record).collect()
}

/// The record of an alias.
pub(super) fn alias(of: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(of).unwrap()))
}

/// The record of a server of a service.
pub(super) fn server(priority: u16, weight: u16, port: u16, name: &str) -> RData {
    let target = Name::from_ascii(name).unwrap();
    RData::SRV(SRV::new(priority, weight, port, target))
}

impl NameServer {
    /// It knows no names.
    pub(super) fn start() -> Self {
        let (packets, streams) = sockets();
        let address = packets.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (seen, is_over) = (Arc::clone(&zone), Arc::clone(&ended));
        let udp = std::thread::spawn(move || serve(&packets, &seen, &is_over));
        let (seen, is_over) = (Arc::clone(&zone), Arc::clone(&ended));
        let tcp = std::thread::spawn(move || serve_streams(&streams, &seen, &is_over));
        Self {
            address,
            zone,
            ended,
            threads: vec![udp, tcp],
        }
    }

    /// From now on it says this of a name.
    pub(super) fn say(&self, name: &str, saying: Saying) {
        let mut zone = self.zone.lock().unwrap();
        zone.sayings.insert(format!("{name}."), saying);
    }

    /// From now on the name has these addresses, for a second.
    pub(super) fn has(&self, name: &str, texts: &[&str]) {
        self.say(name, Saying::Records(1, addresses(texts)));
    }

    /// How often a name was asked for, for all types of records.
    pub(super) fn asked(&self, name: &str) -> usize {
        let zone = self.zone.lock().unwrap();
        zone.asked.get(&format!("{name}.")).copied().unwrap_or(0)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes them.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|it| it.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
        self.threads.drain(..).for_each(|it| _ = it.join());
    }
}

/// Both on the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let packets = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(streams) = TcpListener::bind(packets.local_addr().unwrap()) {
            return (packets, streams);
        }
    }
}

fn serve(socket: &UdpSocket, zone: &Mutex<Zone>, ended: &AtomicBool) {
    let mut packet = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(question) = Message::from_vec(&packet[..length])
            && let Some(answer) = answer(&question, &mut zone.lock().unwrap(), false)
        {
            let _ = socket.send_to(&answer.to_vec().unwrap(), client);
        }
    }
}

/// One client after the other, each for as long as it asks.
fn serve_streams(listener: &TcpListener, zone: &Mutex<Zone>, ended: &AtomicBool) {
    for client in listener.incoming() {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        // It goes away in its own time.
        let _ = client.and_then(|client| converse(client, zone));
    }
}

/// Each message has its length before it (RFC 1035, 4.2.2).
fn converse(mut client: TcpStream, zone: &Mutex<Zone>) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_millis(200)))?;
    loop {
        let mut length = [0; 2];
        client.read_exact(&mut length)?;
        let mut message = vec![0; u16::from_be_bytes(length).into()];
        client.read_exact(&mut message)?;
        let question = Message::from_vec(&message).map_err(io::Error::other)?;
        if let Some(answer) = answer(&question, &mut zone.lock().unwrap(), true) {
            let answer = answer.to_vec().unwrap();
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            client.write_all(&[&length[..], &answer].concat())?;
        }
    }
}

fn answer(question: &Message, zone: &mut Zone, has_room: bool) -> Option<Message> {
    let query = question.queries.first()?;
    let name = query.name().to_lowercase().to_ascii();
    let saying = zone.sayings.get(&name).cloned().unwrap_or(Saying::NoName);
    *zone.asked.entry(name).or_default() += 1;
    let mut answer = Message::new(
        question.metadata.id,
        MessageType::Response,
        question.metadata.op_code,
    );
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    match saying {
        Saying::Silence => return None,
        Saying::NoName => answer.metadata.response_code = ResponseCode::NXDomain,
        Saying::Failure => answer.metadata.response_code = ResponseCode::ServFail,
        Saying::FailureFor(kind, ..) if kind == query.query_type() => {
            answer.metadata.response_code = ResponseCode::ServFail;
        }
        Saying::Long(..) if !has_room => answer.metadata.truncation = true,
        Saying::Records(live, records)
        | Saying::Long(live, records)
        | Saying::FailureFor(_, live, records) => {
            let kinds = [query.query_type(), RecordType::CNAME];
            let fits = |it: &RData| kinds.contains(&it.record_type());
            let record = |it| Record::from_rdata(query.name().clone(), live, it);
            answer.add_answers(records.into_iter().filter(fits).map(record));
        }
    }
    Some(answer)
}
