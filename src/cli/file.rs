//! A configuration file on the command line: reads it, checks it, puts flags over it, shows it.

use std::fs::File;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use super::arguments::Arguments;
use super::overrides::{self, overrides, refuse_open_admin};
use super::{Failure, Task, is_coloured, settings};
use crate::config::file::{self, Document, MOST_BYTES};
use crate::config::{Config, Source};
use crate::discovery::listed::{self, Files, with_files};
use crate::reason;
use crate::rights;
use crate::tls::{self, Materials};

/// `l4lb check FILE`.
pub(super) fn check(name: &str, given: &[String]) -> Result<Task, Failure> {
    if let Some(flag) = given.first() {
        return Err(Failure::Usage(format!(
            "check goes without {flag}: with flags, write l4lb --config FILE --check"
        )));
    }
    let document = read(name, for_people())?;
    checked(name, &document, &document.config(1))
}

/// That a configuration is right with its files of backends and of TLS; a file of backends that is not
/// there yet is a warning, and so is a right that this process has not.
fn checked(name: &str, document: &Document, config: &Config) -> Result<Task, Failure> {
    let (files, missing) = listed(config, for_people())?;
    // Whoever checks it need not be who serves it.
    let lacking = rights::lack(config);
    let (listeners, config) = (config.listeners.len(), with_files(config, &files));
    let warnings = materials(name, document, &config)?.warnings;
    for why in missing.iter().chain(&lacking).chain(&warnings) {
        super::warn(why);
    }
    Ok(Task::Print(settings::summary(name, listeners, &config)))
}

/// What is in the files of TLS.
fn materials(name: &str, document: &Document, config: &Config) -> Result<Materials, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
    tls::read(config, &Materials::default(), now).map_err(|troubles| {
        let about: Vec<_> = troubles.into_iter().map(|it| (it.place, it.what)).collect();
        Failure::Config(document.faults(name, &about).render(for_people()))
    })
}

/// What is in the files of backends, and which are missing.
pub(super) fn listed(config: &Config, coloured: bool) -> Result<(Files, Vec<String>), Failure> {
    listed::read_all(config, &Files::new(), coloured).map_err(Failure::Config)
}

/// `l4lb --config FILE`, with flags.
pub(super) fn run(name: &str, arguments: &Arguments, given: &[String]) -> Result<Task, Failure> {
    let (document, config) = load(name, arguments, given, for_people())?;
    let again = (name.to_owned(), arguments.clone(), given.to_vec());
    if arguments.check {
        return checked(name, &document, &config);
    }
    let (files, _) = listed(&config, for_people())?;
    materials(name, &document, &with_files(&config, &files))?;
    let source = move || {
        let (name, arguments, given) = &again;
        let loaded = load(name, arguments, given, false); // for a log
        loaded.map(|it| it.1).map_err(|failure| failure.to_string())
    };
    let flags = arguments.clone();
    let amend = move |mut config: Config| {
        let values = overrides(&flags).map_err(|failure| failure.to_string())?;
        for value in values {
            let applied = overrides::apply(value, &mut config, settings::cores());
            applied.map_err(|failure| failure.to_string())?;
        }
        Ok(config)
    };
    Ok(Task::Run {
        config,
        source: Some(Source::new(name, source).amended_by(amend)),
    })
}

/// `l4lb config show`.
pub(super) fn show(arguments: &Arguments, given: &[String]) -> Result<Task, Failure> {
    let Some(name) = &arguments.config else {
        return Err(Failure::Usage("config show needs --config FILE".to_owned()));
    };
    let (document, _) = load(name, arguments, given, for_people())?;
    Ok(Task::Print(document.show()))
}

fn load(
    name: &str,
    arguments: &Arguments,
    given: &[String],
    coloured: bool,
) -> Result<(Document, Config), Failure> {
    let goes_along = |flag: &&String| {
        ["--config", "--check"].contains(&flag.as_str())
            || overrides::FLAGS.contains(&flag.as_str())
    };
    if let Some(flag) = given.iter().find(|flag| !goes_along(flag)) {
        return Err(Failure::Usage(format!(
            "{flag} does not go together with --config: the file says it"
        )));
    }
    let overrides = overrides(arguments)?;
    let mut document = read(name, coloured)?;
    for value in overrides {
        document.override_with(value);
    }
    let config = document.config(settings::cores());
    refuse_open_admin(&config)?;
    Ok((document, config))
}

/// Reads a file, of which nobody knows how long it is.
pub(super) fn read(name: &str, coloured: bool) -> Result<Document, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    File::open(name)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::Runtime(format!("cannot read {name}: {}", reason::of(&error))))?;
    file::parse(name, &bytes).map_err(|faults| Failure::Config(faults.render(coloured)))
}

/// Whether what is said on standard error may have colours.
pub(super) fn for_people() -> bool {
    is_coloured(&io::stderr())
}
