//! A backend as the command line names it: `[NAME=]HOST:PORT[,weight=N][,max-connections=N][,backup]`.

use super::Failure;
use super::values::{number, unknown};
use crate::config::{self, BackendConfig, Target};

const OPTIONS: [&str; 3] = ["weight", "max-connections", "backup"];

/// Parses one `--backend`. Its name is looked up later.
pub(super) fn parse(spec: &str) -> Result<BackendConfig, Failure> {
    let place = format!("--backend {spec:?}");
    let wrong = |what: String| Failure::Usage(format!("{place}: {what}"));
    let (backend, options) = match spec.split_once(',') {
        Some((backend, options)) => (backend, Some(options)),
        None => (spec, None),
    };
    let (name, target) = backend.split_once('=').unwrap_or((backend, backend));
    if target.is_empty() {
        return Err(wrong("HOST:PORT is missing".to_owned()));
    }
    let named = name.len() != backend.len();
    if named && let Err(what) = config::name(name) {
        return Err(wrong(what));
    }
    let options = Options::parse(&place, options)?;
    let target = Target::parse(target).map_err(|error| wrong(error.to_string()))?;
    Ok(BackendConfig {
        name: name.into(),
        target,
        weight: options.weight.unwrap_or(1),
        max_connections: options.max_connections,
        backup: options.backup.is_some(),
    })
}

/// What is said of a backend after its address; `None` is what is not said.
#[derive(Default)]
struct Options {
    weight: Option<u16>,
    max_connections: Option<u32>,
    backup: Option<()>,
}

impl Options {
    /// Parses options with commas between them. Errors begin with `place`.
    fn parse(place: &str, texts: Option<&str>) -> Result<Self, Failure> {
        let mut options = Self::default();
        for text in texts.iter().flat_map(|texts| texts.split(',')) {
            options.add(place, text)?;
        }
        Ok(options)
    }

    fn add(&mut self, place: &str, text: &str) -> Result<(), Failure> {
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (text, None),
        };
        let wrong = |what: &str| Failure::Usage(format!("{place}: {option} {what}"));
        let needed = || value.ok_or_else(|| wrong("needs a number, after a '='"));
        let within = format!("{place}: {option}");
        let is_first = match option {
            "weight" => {
                let weight = number(&within, needed()?, &(0..=u16::MAX))?;
                self.weight.replace(weight).is_none()
            }
            "max-connections" => {
                let limit = number(&within, needed()?, &(1..=u32::MAX))?;
                self.max_connections.replace(limit).is_none()
            }
            "backup" if value.is_some() => return Err(wrong("takes no value")),
            "backup" => self.backup.replace(()).is_none(),
            _ => return Err(unknown(&format!("{place}: option"), option, &OPTIONS)),
        };
        is_first
            .then_some(())
            .ok_or_else(|| wrong("is given twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_backend_is_named_by_its_name_or_by_its_address() {
        let table = [
            ("10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80"),
            ("b2=10.0.0.2:80", "b2", "10.0.0.2:80"),
            ("[::1]:80", "[::1]:80", "[::1]:80"),
            ("six=[::1]:80", "six", "[::1]:80"),
            ("localhost:80", "localhost:80", "localhost:80"),
            ("10.0.0.1:80,weight=2,backup", "10.0.0.1:80", "10.0.0.1:80"),
            ("b2=10.0.0.2:80,weight=2", "b2", "10.0.0.2:80"),
        ];
        for (spec, name, address) in table {
            let backend = parse(spec).unwrap();
            assert_eq!(
                (&*backend.name, backend.target.to_string().as_str()),
                (name, address)
            );
        }
    }

    #[test]
    fn options_come_in_any_order_and_leave_the_rest_at_its_default() {
        let table = [
            ("", 1, None, false),
            (",weight=0", 0, None, false),
            (",weight=65535", 65_535, None, false),
            (",max-connections=1", 1, Some(1), false),
            (",max-connections=4294967295", 1, Some(u32::MAX), false),
            (",backup", 1, None, true),
            (",weight=3,max-connections=500,backup", 3, Some(500), true),
            (",backup,max-connections=500,weight=3", 3, Some(500), true),
        ];
        for (options, weight, max_connections, backup) in table {
            for name in ["", "b="] {
                let spec = format!("{name}10.0.0.1:80{options}");
                let backend = parse(&spec).unwrap();
                assert_eq!(
                    (backend.weight, backend.max_connections, backend.backup),
                    (weight, max_connections, backup),
                    "{spec}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_option_is_named_with_its_specification() {
        let table = [
            (
                "weight=-1",
                "weight: \"-1\" is not a number from 0 to 65535",
            ),
            ("weight=65536", "weight: \"65536\" is not a number"),
            ("weight=", "weight: \"\" is not a number"),
            ("weight=1.5", "weight: \"1.5\" is not a number"),
            ("weight=1=2", "weight: \"1=2\" is not a number"),
            ("weight", "weight needs a number"),
            ("weight=1,weight=1", "weight is given twice"),
            (
                "max-connections=0",
                "max-connections: \"0\" is not a number from 1 to 4294967295",
            ),
            ("max-connections=4294967296", "is not a number from 1"),
            ("max-connections", "max-connections needs a number"),
            (
                "max-connections=1,backup,max-connections=2",
                "max-connections is given twice",
            ),
            ("backup=yes", "backup takes no value"),
            ("backup=", "backup takes no value"),
            ("backup,backup", "backup is given twice"),
            ("weigh=2", "did you mean weight?"),
            ("max_connections=2", "did you mean max-connections?"),
            ("backups", "did you mean backup?"),
            (
                "colour=2",
                "option: \"colour\" is not one of weight, max-connections, backup",
            ),
            ("weight=2,", "option: \"\" is not one of weight"),
            (" weight=2", "did you mean weight?"),
        ];
        for (options, hint) in table {
            let spec = format!("b=10.0.0.1:80,{options}");
            let failure = parse(&spec).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{spec}");
            let text = failure.to_string();
            assert!(text.starts_with(&format!("--backend {spec:?}: ")), "{text}");
            assert!(text.contains(hint), "{spec}: {text}");
        }
    }

    #[test]
    fn a_wrong_specification_is_a_usage_error() {
        let long = format!("{}=1.1.1.1:1", "x".repeat(65));
        for spec in [
            "",
            "=1.1.1.1:1",
            "b",
            "b=",
            "b 2=1.1.1.1:1",
            "1.1.1.1:0",
            "a=b=c:1",
            ",weight=2",
            "weight=2,1.1.1.1:1",
            &long,
        ] {
            assert_eq!(parse(spec).unwrap_err().exit_code(), 2, "{spec}");
        }
    }

    #[test]
    fn only_a_name_of_its_own_has_to_be_short() {
        let host = format!("{}.invalid:80", "long-label.".repeat(8));
        assert_eq!(&*parse(&host).unwrap().name, host);
    }

    proptest! {
        #[test]
        fn what_the_options_say_is_what_the_backend_has(
            weight: u16,
            limit in 1..=u32::MAX,
        ) {
            let spec = format!("b=10.0.0.1:80,weight={weight},max-connections={limit}");
            let backend = parse(&spec).unwrap();
            prop_assert_eq!((backend.weight, backend.max_connections), (weight, Some(limit)));
        }

        #[test]
        fn no_options_make_it_panic(options in "\\PC*") {
            let _ = parse(&format!("b=10.0.0.1:80,{options}"));
        }
    }
}
