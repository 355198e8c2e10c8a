//! Where lines go: standard output, a file that is opened again after a rotation, or a FIFO.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags};

use crate::config::AccessLogOutput;

pub(super) struct Sink {
    /// Standard output where there is none.
    file: Option<(File, PathBuf)>,
    /// The last write broke off within a line.
    in_line: bool,
}

impl Sink {
    /// Opens what the configuration names; `None` where the log is off.
    pub(super) fn open(output: &AccessLogOutput) -> io::Result<Option<Self>> {
        let file = match output {
            AccessLogOutput::Off => return Ok(None),
            AccessLogOutput::Stdout => None,
            AccessLogOutput::File(path) => Some((open(path)?, path.clone())),
        };
        let in_line = false;
        Ok(Some(Self { file, in_line }))
    }

    /// Opens the file again under its name.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if let Some((file, path)) = &mut self.file {
            *file = open(path)?;
        }
        Ok(())
    }

    /// Writes whole lines. After a line that broke off, the next write begins a new one.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.in_line && !lines.is_empty() {
            self.write_all(b"\n")?;
        }
        self.write_all(lines)
    }

    fn wait(&self) -> io::Result<()> {
        let stdout = io::stdout();
        let sink = match &self.file {
            Some((file, _)) => file.as_fd(),
            None => stdout.as_fd(),
        };
        rustix::event::poll(&mut [PollFd::from_borrowed_fd(sink, PollFlags::OUT)], None)?;
        Ok(())
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let answer = match &mut self.file {
                Some((file, _)) => file.write(bytes),
                None => rustix::io::write(io::stdout(), bytes).map_err(io::Error::from),
            };
            match answer {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.in_line = bytes[written - 1] != b'\n';
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody else has made the shared descriptor non-blocking: this thread may wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|it| it.file_type().is_fifo()) {
        // Opened for reading too, a FIFO does not wait for its reader (fifo(7)).
        return OpenOptions::new().read(true).write(true).open(path);
    }
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(path: &Path) -> Sink {
        let output = AccessLogOutput::File(path.to_owned());
        Sink::open(&output).unwrap().unwrap()
    }

    #[test]
    fn after_a_line_that_broke_off_the_next_one_begins_anew() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut sink = sink(file.path());
        sink.in_line = true;
        sink.write(b"whole\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "\nwhole\n");
        assert!(!sink.in_line);
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        assert!(sink(Path::new("/dev/full")).write(b"lost\n").is_err());
    }
}
