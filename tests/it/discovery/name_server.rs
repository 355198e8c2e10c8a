//! A name server of our own: it says what a test has told it, and counts what it is asked.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What is said of a name.
#[derive(Clone)]
pub(super) enum Saying {
    /// These records, which live so many seconds, and none of another type.
    Records(u32, Vec<RData>),
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
    thread: Option<JoinHandle<()>>,
}

/// Addresses as records.
pub(super) fn addresses(texts: &[&str]) -> Vec<RData> {
    let record = |text: &&str| match text.parse().unwrap() {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    };
    texts.iter().map(record).collect()
}

/// The record of a server of a service.
pub(super) fn server(priority: u16, weight: u16, port: u16, name: &str) -> RData {
    let target = Name::from_ascii(name).unwrap();
    RData::SRV(SRV::new(priority, weight, port, target))
}

impl NameServer {
    /// It knows no names.
    pub(super) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (zone, ended) = (Arc::new(Mutex::new(Zone::default())), Arc::default());
        let (seen, is_over) = (Arc::clone(&zone), Arc::clone(&ended));
        let thread = std::thread::spawn(move || serve(&socket, &seen, &is_over));
        Self {
            address,
            zone,
            ended,
            thread: Some(thread),
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
        // Wakes it.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|it| it.send_to(&[], self.address));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, zone: &Mutex<Zone>, ended: &AtomicBool) {
    let mut packet = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(question) = Message::from_vec(&packet[..length])
            && let Some(answer) = answer(&question, &mut zone.lock().unwrap())
        {
            let _ = socket.send_to(&answer.to_vec().unwrap(), client);
        }
    }
}

fn answer(question: &Message, zone: &mut Zone) -> Option<Message> {
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
        Saying::Records(live, records) | Saying::FailureFor(_, live, records) => {
            let fits = |it: &RData| it.record_type() == query.query_type();
            let record = |it| Record::from_rdata(query.name().clone(), live, it);
            answer.add_answers(records.into_iter().filter(fits).map(record));
        }
    }
    Some(answer)
}
