//! `l4lb config diff`: what a configuration file would change, of a running l4lb or of another file.

use super::commands::Diff;
use super::file::{for_people, listed, read};
use super::settings::cores;
use super::talk::{form, talk, token};
use super::{Failure, Task};
use crate::client::{self, Command};
use crate::config::{Config, export};
use crate::discovery::listed::with_files;
use crate::foresight::{Version, foresee};

pub(super) fn diff(it: &Diff) -> Result<Task, Failure> {
    let form = form(it.json);
    let new = read(&it.file, for_people())?.config(cores());
    let Some(old) = &it.from else {
        // The answer would say that one of its files is wrong, but not where.
        listed(&new, for_people())?;
        let config = export::to_json(&new);
        let token = token(it.token_file.as_ref());
        return talk(it.admin.as_ref(), Command::Foresee(config, form, token));
    };
    for (flag, value) in [("--admin", &it.admin), ("--token-file", &it.token_file)] {
        if value.is_some() {
            let text = format!("--from compares two files, which goes without {flag}");
            return Err(Failure::Usage(text));
        }
    }
    let old = read(old, for_people())?.config(cores());
    let version = |config: Config| -> Result<Version, Failure> {
        let (files, _) = listed(&config, for_people())?;
        let file = with_files(&config, &files);
        let effective = file.clone();
        Ok(Version { file, effective })
    };
    let [old, new] = [version(old)?, version(new)?];
    Ok(Task::Print(client::foresight(
        &foresee(&old, &new, None),
        form,
    )))
}
