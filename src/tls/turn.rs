//! What rustls' state machine asks for, one state after the other, until it wants more bytes. Pure.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
    UnbufferedStatus,
};

use super::failure::{Failure, Reason};
use super::wire::Wire;

/// What a record adds to its plaintext at most, with some to spare.
pub(super) const RECORD_COST: usize = 64;

/// What may have to be said before an end can be, at most.
const LAST_WORDS: usize = 4;

/// What both ends of a connection can do.
pub(super) trait Advance {
    type Data;

    fn process<'c, 'i>(&'c mut self, raw: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Advance for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, raw: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(raw)
    }
}

impl Advance for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, raw: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(raw)
    }
}

/// One reading of bytes, to the last whole record.
pub(super) struct Turn<'a> {
    /// Where plaintext goes; `None` during a handshake.
    pub(super) plain: Option<&'a mut [u8]>,
    pub(super) filled: usize,
    pub(super) early: &'a mut Vec<u8>,
    pub(super) wire: &'a mut Wire,
    pub(super) ended: &'a mut bool,
}

impl Turn<'_> {
    /// How many of the bytes were understood.
    pub(super) fn run<A: Advance>(
        &mut self,
        link: &mut A,
        raw: &mut [u8],
    ) -> Result<usize, Failure> {
        let mut read = 0;
        loop {
            let UnbufferedStatus { discard, state, .. } = link.process(&mut raw[read..]);
            let goes_on = match state {
                Ok(state) => self.state(state)?,
                Err(error) => {
                    say_last_words(link, &mut raw[read + discard..], self.wire);
                    return Err(error.into());
                }
            };
            read += discard;
            if !goes_on {
                return Ok(read);
            }
        }
    }

    /// Whether there is more to do.
    fn state<D>(&mut self, state: ConnectionState<'_, '_, D>) -> Result<bool, Failure> {
        match state {
            ConnectionState::EncodeTlsData(encode) => {
                encoded(encode, self.wire);
                Ok(true)
            }
            // What is in the wire is not asked for again.
            ConnectionState::TransmitTlsData(transmit) => {
                transmit.done();
                Ok(true)
            }
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    self.take(record?.payload)?;
                }
                Ok(true)
            }
            ConnectionState::PeerClosed => {
                *self.ended = true;
                Ok(true)
            }
            ConnectionState::BlockedHandshake
            | ConnectionState::WriteTraffic(_)
            | ConnectionState::Closed => Ok(false),
            // Nobody has allowed early data; there is no other state.
            _ => Err(Failure::new(Reason::Protocol, "early data")),
        }
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let Some(plain) = &mut self.plain else {
            self.early.extend_from_slice(payload);
            return Ok(());
        };
        let end = self.filled + payload.len();
        let room = plain.get_mut(self.filled..end);
        let room = room.ok_or_else(|| Failure::new(Reason::Protocol, "there is no room for it"))?;
        room.copy_from_slice(payload);
        self.filled = end;
        Ok(())
    }
}

fn encoded<D>(mut encode: EncodeTlsData<'_, D>, wire: &mut Wire) {
    let mut size = RECORD_COST;
    loop {
        match encode.encode(wire.room(size)) {
            Ok(count) => return wire.filled(count),
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                size = required_size;
            }
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}

/// The alert with which a connection ends that has failed. It is asked for once: whoever asks again has
/// what is wrong read again.
fn say_last_words<A: Advance>(link: &mut A, unread: &mut [u8], wire: &mut Wire) {
    if let Ok(ConnectionState::EncodeTlsData(encode)) = link.process(unread).state {
        encoded(encode, wire);
    }
}

/// Seals; `unread` is what has been read before and not discarded, which the link may refer to.
pub(super) fn write<A: Advance>(
    link: &mut A,
    unread: &mut [u8],
    wire: &mut Wire,
    plain: &[u8],
    mut size: usize,
) -> Result<(), Failure> {
    loop {
        match link.process(unread).state? {
            ConnectionState::EncodeTlsData(encode) => encoded(encode, wire),
            ConnectionState::TransmitTlsData(transmit) => transmit.done(),
            ConnectionState::WriteTraffic(mut traffic) => {
                match traffic.encrypt(plain, wire.room(size)) {
                    Ok(count) => {
                        wire.filled(count);
                        return Ok(());
                    }
                    Err(EncryptError::InsufficientSize(it)) => size = it.required_size,
                    Err(EncryptError::EncryptExhausted) => {
                        return Err(Failure::new(Reason::Protocol, "the key is used up"));
                    }
                }
            }
            _ => return Err(Failure::new(Reason::Protocol, "nothing can be written")),
        }
    }
}

pub(super) fn close<A: Advance>(link: &mut A, unread: &mut [u8], wire: &mut Wire) {
    for _ in 0..LAST_WORDS {
        match link.process(unread).state {
            Ok(ConnectionState::EncodeTlsData(encode)) => encoded(encode, wire),
            Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let room = wire.room(RECORD_COST);
                let count = traffic.queue_close_notify(room).unwrap_or(0);
                return wire.filled(count);
            }
            _ => return,
        }
    }
}
