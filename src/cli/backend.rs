//! A backend as the command line names it: `[NAME=]HOST:PORT`.

use super::Failure;
use crate::config::{AddressError, BackendConfig, resolve_backend};

/// The longest name of a backend, in bytes.
const NAME_BYTES: usize = 64;

/// Parses one `--backend` and looks its address up.
pub(super) fn parse(spec: &str) -> Result<BackendConfig, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--backend {spec:?}: {what}"));
    if let Some((_, option)) = spec.split_once(',') {
        return Err(wrong(format!("unknown option {option:?}")));
    }
    let (name, target) = spec
        .split_once('=')
        .map_or((spec, spec), |(name, target)| (name, target));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(allowed) {
        return Err(wrong(format!(
            "a name has 1 to {NAME_BYTES} letters, digits, '-', '_' and '.'"
        )));
    }
    let address = resolve_backend(target).map_err(|error| match error {
        AddressError::Form(what) => wrong(what),
        AddressError::Unresolved(what) => Failure::Runtime(what),
    })?;
    Ok(BackendConfig {
        name: name.into(),
        address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_named_by_its_name_or_by_its_address() {
        let table = [
            ("10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80"),
            ("b2=10.0.0.2:80", "b2", "10.0.0.2:80"),
            ("[::1]:80", "[::1]:80", "[::1]:80"),
            ("six=[::1]:80", "six", "[::1]:80"),
            ("localhost:80", "localhost:80", "127.0.0.1:80"),
        ];
        for (spec, name, address) in table {
            let backend = parse(spec).unwrap();
            assert_eq!(
                (&*backend.name, backend.address.to_string().as_str()),
                (name, address)
            );
        }
    }

    #[test]
    fn a_wrong_specification_is_a_usage_error_and_an_unknown_name_one_at_run_time() {
        let long = format!("{}=1.1.1.1:1", "x".repeat(65));
        for spec in [
            "",
            "=1.1.1.1:1",
            "b",
            "b=",
            "b 2=1.1.1.1:1",
            "1.1.1.1:0",
            "a=b=c:1",
            &long,
        ] {
            assert_eq!(parse(spec).unwrap_err().exit_code(), 2, "{spec}");
        }
        let option = parse("10.0.0.1:80,colour=2").unwrap_err();
        assert!(option.to_string().contains("colour=2"), "{option}");
        assert_eq!(parse("no-such-name.invalid:80").unwrap_err().exit_code(), 1);
    }
}
