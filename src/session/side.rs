//! The two ends of a session and the two ways that bytes take between them.

/// One end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The accepted socket.
    Client,
    /// The dialed server.
    Backend,
}

impl Side {
    /// Both sides, the client first.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Backend];

    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Backend,
            Self::Backend => Self::Client,
        }
    }

    /// The direction whose bytes this side sends.
    #[must_use]
    pub const fn outbound(self) -> Direction {
        match self {
            Self::Client => Direction::Upload,
            Self::Backend => Direction::Download,
        }
    }

    /// Its place in a two-element array.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the backend.
    Upload,
    /// From the backend to the client.
    Download,
}

impl Direction {
    /// Both directions, the upload first.
    pub const BOTH: [Self; 2] = [Self::Upload, Self::Download];

    /// The side that the bytes are read from.
    #[must_use]
    pub const fn source(self) -> Side {
        match self {
            Self::Upload => Side::Client,
            Self::Download => Side::Backend,
        }
    }

    /// The side that the bytes are written to.
    #[must_use]
    pub const fn sink(self) -> Side {
        self.source().other()
    }

    /// The opposite direction.
    #[must_use]
    pub const fn other(self) -> Self {
        self.sink().outbound()
    }

    /// Its place in a two-element array.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
