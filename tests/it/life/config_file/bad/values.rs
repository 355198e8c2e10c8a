//! Wrong values, and what is said of them.

/// What is wrong after `SMALL`, whose last table is `[pool.app]` and whose lines are six.
pub(super) const AFTER_SMALL: [(&str, &[&str]); 74] = [
    (
        "balanec = \"first\"",
        &["7:1: pool.app: unknown key \"balanec\""],
    ),
    (
        "balance = \"fastest\"",
        &["7:11: \"fastest\" is not one of round-robin, least-"],
    ),
    (
        "balance = 1",
        &["7:11: a whole number stands where one of round-robin"],
    ),
    (
        "retries = \"2\"",
        &["7:11: a string stands where a whole number from 0 to 254"],
    ),
    (
        "retries = 255",
        &["7:11: 255 is not a whole number from 0 to 254"],
    ),
    ("retries = -1", &["7:11: -1 is not a whole number"]),
    (
        "retries = 1.5",
        &["7:11: a fraction stands where a whole number"],
    ),
    (
        "retries = 1979-05-27",
        &["7:11: a date or time stands where a whole number"],
    ),
    (
        "retries = 99999999999999999999999999",
        &["7:11: is not a whole number from 0 to 254"],
    ),
    (
        "connect_timeout = 3",
        &["7:19: connect_timeout: '3' has no unit: write 3s or 3ms"],
    ),
    (
        "connect_timeout = \"3\"",
        &["7:19: '3' has no unit: write 3s or 3ms"],
    ),
    ("connect_timeout = \"3 parsecs\"", &["7:19: not a duration"]),
    ("connect_timeout = \"0s\"", &["7:19: too short"]),
    (
        "queue_timeout = \"400d\"",
        &["7:17: queue_timeout: '400d' is too long"],
    ),
    (
        "slow_start = true",
        &["7:14: true or false stands where a string"],
    ),
    (
        "hedge = \"yes\"",
        &["7:9: a string stands where true or false"],
    ),
    (
        "send_proxy = \"v3\"",
        &["7:14: pool.app.send_proxy: \"v3\" is not one of v1, v2"],
    ),
    ("send_proxy = true", &["7:14: one of v1, v2"]),
    (
        "source = \"clients\"",
        &["7:10: pool.app.source: \"clients\" is not \"client\" or an array"],
    ),
    ("source = []", &["7:10: pool.app.source: at least one"]),
    (
        "source = [\"10.0.0.5:80\"]",
        &["7:11: '10.0.0.5:80' is no address of a machine"],
    ),
    (
        "source = [\"10.0.0.5\", \"::ffff:10.0.0.5\"]",
        &["7:23: pool.app: source has 10.0.0.5 already"],
    ),
    (
        "source = [\"fd00::5\"]",
        &["6:13: pool.app: source has no IPv4 address to dial 10.0.0.1:80 from"],
    ),
    (
        "source = [\"0.0.0.0\", \"fd00::5\"]",
        &["7:11: '0.0.0.0' is no address of a machine"],
    ),
    ("source = 1", &["7:10: a whole number stands where"]),
    ("on_down = \"kep\"", &["7:11: one of keep, drain, reset"]),
    ("all_down = \"try_all\"", &["7:12: one of reject, try-all"]),
    ("health = \"tcp\"", &["7:10: a string stands where a table"]),
    (
        "health = { type = \"udp\" }",
        &["7:19: one of tcp, http, send-expect, off"],
    ),
    (
        "health = { type = \"http\" }",
        &["7:10: pool.app.health: checks of type http need path"],
    ),
    (
        "health = { type = \"send-expect\" }",
        &["7:10: checks of type send-expect need expect"],
    ),
    (
        "health = { path = \"/\" }",
        &["7:12: path belongs to checks of type http, not tcp"],
    ),
    (
        "health = { type = \"off\", send = \"x\" }",
        &["7:26: send belongs to checks of type send-expect, not off"],
    ),
    (
        "health = { type = \"http\", path = \"x\" }",
        &["7:34: a path begins with '/'"],
    ),
    (
        "health = { type = \"http\", path = \"/a b\" }",
        &["7:34: a path has no spaces"],
    ),
    (
        "health = { type = \"http\", path = \"/\", host = \"a\\r\\nb\" }",
        &["7:46: a host has 1 to"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = \"2xx\" }",
        &["7:48: '2xx' is not a status"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = 200 }",
        &["7:48: a whole number stands where a string"],
    ),
    (
        "health = { type = \"http\", path = \"/\", status = \"300-200\" }",
        &["7:48: ends before it begins"],
    ),
    (
        "health = { type = \"send-expect\", expect = \"\" }",
        &["7:43: 1 to 16384 bytes"],
    ),
    (
        "health = { rise = 0, fall = 0 }",
        &["7:19: rise: 0 is not", "7:29: fall: 0 is not"],
    ),
    (
        "health = { port = 0 }",
        &["7:19: 0 is not a whole number from 1 to 65535"],
    ),
    (
        "eject = { max_percent = 101 }",
        &["7:25: 101 is not a whole number from 0 to 100"],
    ),
    (
        "eject = { base = \"10m\" }",
        &["7:18: pool.app.eject: the first ejection"],
    ),
    (
        "eject = { base = \"2s\", max = \"1s\" }",
        &["7:30: the first ejection"],
    ),
    ("hedge = true\nhedge = true", &["8:1: duplicate key"]),
    (
        "[pool.b]",
        &["7:1: pool.b: backends is missing, and so is backends_file"],
    ),
    (
        "[pool.b]\nbackends = []",
        &["8:12: pool.b.backends: at least one"],
    ),
    (
        "[pool.b]\nbackends = \"10.0.0.1:80\"",
        &["8:12: a string stands where an array"],
    ),
    (
        "[pool.b]\nbackends = [1]",
        &["8:13: pool.b.backends[1]: a whole number stands where a string or a table"],
    ),
    (
        "[pool.b]\nbackends = [\"10.0.0.1\"]",
        &["8:13: '10.0.0.1' has no port"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", \"10.0.0.300:80\"]",
        &["8:20: backends[2]: '10.0.0.300' is neither an IPv4 address"],
    ),
    (
        "[pool.b]\nbackends = [\"srv:web.example\"]",
        &["8:13: 'web.example' is no service"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", \"a:1\"]",
        &["8:20: line 8 has a backend \"a:1\" already"],
    ),
    (
        "[pool.b]\nbackends = [\"a:1\", {address=\"b:1\", name=\"a:1\"}]",
        &["8:41: line 8 has a backend \"a:1\" already"],
    ),
    (
        "[pool.b]\nbackends = [{}]",
        &["8:13: backends[1]: address is missing"],
    ),
    (
        "[pool.b]\nbackends = [{address=\"a:1\", weight=65536}]",
        &["8:36: backends[1].weight: 65536 is not a whole number from 0 to 65535"],
    ),
    (
        "[pool.\"a b\"]\nbackends = [\"a:1\"]",
        &["7:7: pool.\"a b\": a name has 1 to 64 letters"],
    ),
    (
        "[[listener]]\nname = \"web\"\nlisten = \":1\"\npool = \"app\"",
        &["8:8: line 2 has a listener \"web\" already"],
    ),
    (
        "[[listener]]\nname = \"b/c\"\nlisten = \":1\"\npool = \"app\"",
        &["8:8: listener[2].name: a name has"],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = \":1\"\npool = \"apq\"",
        &["10:8: there is no pool \"apq\""],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = \"localhost:1\"\npool = \"app\"",
        &["9:10: 'localhost' is not an IP address"],
    ),
    (
        "[[listener]]\nname = \"b\"\nlisten = []\npool = \"app\"",
        &["9:10: listen: at least one"],
    ),
    (
        "[[listener]]",
        &[
            "7:1: name is missing",
            "7:1: listen is missing",
            "7:1: pool is missing",
        ],
    ),
    ("[dns]\nservers = []", &["8:11: dns.servers: at least one"]),
    (
        "[dns]\nservers = [\"::1\", \"ns.example:53\"]",
        &["8:19: dns.servers[2]: 'ns.example:53' is no name server: write it like 10.0.0.2:53"],
    ),
    (
        "[dns]\nserver = \"::1\"",
        &["8:1: dns: unknown key \"server\""],
    ),
    (
        "[pool.b]\nbackends_file = \"\"",
        &["8:17: pool.b.backends_file: a path is not empty"],
    ),
    (
        "[admin]\nlisten = \"0.0.0.0:9090\"",
        &["8:10: token_file is missing"],
    ),
    ("[admin]\nlisten = \"unix:\"", &["8:10: has no path"]),
    (
        "[access_log]\noutput = \"\"\nformat = \"jsno\"\ninterval = 10\nonly_errors = 1\nsample = 1.5",
        &[
            "8:10: the access log goes to",
            "9:10: access_log.format: the format of a line is one of default, haproxy, json, or a template with {placeholders}: did you mean json?",
            "10:12: access_log.interval: '10' has no unit",
            "11:15: access_log.only_errors: a whole number stands where true or false",
            "12:10: access_log.sample: 1.5 is not a number from 0.0 to 1.0",
        ],
    ),
    (
        "[access_log]\nformat = \"{client} {bytes-in}\"\nsample = \"all\"",
        &[
            "8:10: access_log.format: unknown placeholder \"bytes-in\": did you mean bytes_in?",
            "9:10: access_log.sample: a string stands where a number from 0.0 to 1.0",
        ],
    ),
    (
        "[access_log]\nsample = 2",
        &["8:10: access_log.sample: 2 is not a number from 0.0 to 1.0"],
    ),
    (
        "[access_log]\nsample = nan",
        &["8:10: access_log.sample: NaN is not a number from 0.0 to 1.0"],
    ),
];
