//! What must hold of a session at every step and at its end.

use l4lb::session::{Cause, CloseReason, Direction, Side, Stage};

use super::World;

impl World {
    /// What was read is what was written and what is held; in order, from the first byte on.
    pub(super) fn check_conservation(&self) {
        for way in Direction::BOTH {
            let (source, sink) = (
                &self.sockets[way.source().index()],
                &self.sockets[way.sink().index()],
            );
            let flow = self.session.flow(way);
            assert_eq!(flow.received(), source.read as u64, "{way:?}");
            assert_eq!(flow.sent(), sink.written.len() as u64, "{way:?}");
            assert_eq!(
                source.stream[..sink.written.len()],
                sink.written[..],
                "{way:?}"
            );
            if !sink.reset {
                assert_eq!(source.read, sink.written.len() + flow.held(), "{way:?}");
            }
        }
    }

    pub(super) fn check_end(&self, reason: CloseReason) {
        if reason.stage == Stage::Queued {
            let causes = [Cause::QueueTimeout, Cause::ClientAborted];
            assert!(causes.contains(&reason.cause), "{reason}");
        }
        if matches!(reason.stage, Stage::Queued | Stage::Connecting) {
            assert!(!self.connected && self.sockets[0].read == 0, "{reason}");
            return;
        }
        match reason.cause {
            Cause::Completed => {
                for way in Direction::BOTH {
                    self.check_delivered(way);
                    assert!(
                        !self.session.ends_by_reset(way.sink()),
                        "a clean end as a reset"
                    );
                    assert!(
                        self.sockets[way.source().index()].ended,
                        "an end that nobody said"
                    );
                }
            }
            Cause::ClientAborted => self.check_aborted_by(Side::Client),
            Cause::BackendAborted => self.check_aborted_by(Side::Backend),
            cause => panic!("ended by {cause:?}"),
        }
    }

    /// A reset is relayed as a reset, after all the bytes before it.
    fn check_aborted_by(&self, side: Side) {
        assert!(self.sockets[side.index()].reset, "{side:?} did not reset");
        assert!(
            self.session.ends_by_reset(side.other()),
            "a reset as a clean end"
        );
        if !self.sockets[side.other().index()].reset {
            self.check_delivered(side.outbound());
            let other = &self.sockets[side.other().index()];
            assert_eq!(other.unacknowledged(), 0, "the reset overtook bytes");
        }
    }

    fn check_delivered(&self, way: Direction) {
        let (source, sink) = (
            &self.sockets[way.source().index()],
            &self.sockets[way.sink().index()],
        );
        assert_eq!(
            source.stream, sink.written,
            "{way:?}: not all was delivered"
        );
    }
}
