//! The keys of a route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::ServerPattern;
use crate::config::file::form::{AlpnProtocol, Name, Written};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config::file) struct Route {
    /// Names of servers, as clients ask for them: `"shop.example"`, or `"*.shop.example"`, which is all
    /// names below it. Not set: any name, and none.
    #[schemars(length(min = 1))]
    pub(in crate::config::file) sni: Option<Vec<Written<ServerPattern>>>,
    /// Protocols of which a client offers one, such as `"h2"`. Not set: any, and none.
    #[schemars(length(min = 1))]
    pub(in crate::config::file) alpn: Option<Vec<Written<AlpnProtocol>>>,
    /// The pool that these clients go to.
    pub(in crate::config::file) pool: Written<Name>,
}
