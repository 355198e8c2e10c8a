//! A file of backends: one a line, in the syntax of `--backend`; `#` begins a comment.

use std::collections::HashMap;
use std::ops::Range;

use super::fault::{Fault, Faults, quote};
use super::text_of;
use crate::config::{BackendConfig, backend_spec};

/// Reads a file of backends, whose name stands in errors.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn backends(name: &str, bytes: &[u8]) -> Result<Vec<BackendConfig>, Faults> {
    let text = text_of(name, bytes)?;
    let mut backends: Vec<BackendConfig> = Vec::new();
    let mut lines = HashMap::new();
    let mut faults = Vec::new();
    for ((span, spec), number) in specs(text).zip(1..) {
        if spec.is_empty() {
            continue;
        }
        match backend_spec(spec) {
            Ok(backend) => match lines.insert(backend.name.clone(), number) {
                None => backends.push(backend),
                Some(line) => {
                    let name = quote(&backend.name);
                    let what = format!("line {line} has a backend {name} already");
                    lines.insert(backend.name, line);
                    faults.push(Fault::new(span, what));
                }
            },
            Err(error) => {
                let part = span.start + error.span.start..span.start + error.span.end;
                faults.push(Fault::new(part, error.to_string()));
            }
        }
    }
    if faults.is_empty() {
        Ok(backends)
    } else {
        Err(Faults::new(name, text, faults))
    }
}

/// What each line says, and where; nothing of a line that is empty or a comment.
fn specs(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut next = 0;
    text.split('\n').map(move |line| {
        let start = next;
        next += line.len() + 1;
        let bare = line.split('#').next().unwrap_or_default();
        let spec = bare.trim();
        let at = start + bare.len() - bare.trim_start().len();
        (at..at + spec.len(), spec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::MOST_BYTES;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        let backends = backends("app.backends", text.as_bytes());
        let backends = backends.unwrap_or_else(|faults| panic!("{}", faults.render(false)));
        backends.iter().map(|it| it.name.to_string()).collect()
    }

    fn complaints(text: &str) -> Vec<String> {
        backends("app.backends", text.as_bytes())
            .unwrap_err()
            .sentences()
    }

    #[test]
    fn a_line_is_a_backend_a_comment_or_nothing() {
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("# nobody yet\n\n", &[]),
            ("10.0.0.1:80", &["10.0.0.1:80"]),
            ("10.0.0.1:80\r\nb=[::1]:80\r\n", &["10.0.0.1:80", "b"]),
            ("\t b=web.example:80,weight=2 # twice the size\n", &["b"]),
            (
                "\u{feff}srv:_http._tcp.web.example,backup\n",
                &["srv:_http._tcp.web.example"],
            ),
        ];
        for (text, wanted) in table {
            assert_eq!(names(text), wanted, "{text:?}");
        }
        let backend = backends("x", b"b=web.example:80,weight=2,max-connections=9,backup");
        let backend = backend.unwrap().remove(0);
        let said = (backend.weight, backend.max_connections, backend.backup);
        assert_eq!(said, (2, Some(9), true));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let text = "a=10.0.0.1:80\n  b=10.0.0.2\n\nc=10.0.0.3:80,weight=1,weigh=2\na=10.0.0.4:80\n";
        let wanted = [
            "2:5: '10.0.0.2' has no port: write 10.0.0.2:PORT",
            "4:24: option: \"weigh\" is not one of weight, max-connections, backup: did you mean weight?",
            "5:1: line 1 has a backend \"a\" already",
        ];
        assert_eq!(complaints(text), wanted);
        let picture = backends("app.backends", text.as_bytes()).unwrap_err();
        let picture = picture.render(false);
        assert!(picture.starts_with("app.backends:2:5: "), "{picture}");
        assert!(
            picture.contains("2 |   b=10.0.0.2\n  |     ^^^^^^^^"),
            "{picture}"
        );
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        let said = |bytes: &[u8]| backends("x", bytes).unwrap_err().sentences().concat();
        assert!(said(b"a=10.0.0.1:80\n\xff").contains("2:1: this is not UTF-8"));
        let long = vec![b'#'; MOST_BYTES + 1];
        assert!(said(&long).contains("more than 1048576 bytes"));
        assert!(backends("x", &long[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([ab]=10\\.0\\.0\\.1:80|[,#=é\n]|\\PC){0,12}") {
            if let Err(faults) = backends("x", text.as_bytes()) {
                let _ = faults.render(false);
            }
        }
    }
}
