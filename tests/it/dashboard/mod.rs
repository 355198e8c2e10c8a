//! The dashboard as a person sees it: the real program, a real browser, clicks.

mod browser;
mod listeners;
mod modules;
mod scenes;

pub(crate) use browser::Browser;
pub(crate) use scenes::is_available;
