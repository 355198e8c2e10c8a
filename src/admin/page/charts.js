// The last quarter of an hour by the second, or the last day by the minute, of all pools or of one.

import { read } from "./api.js";
import { chart } from "./chart.js";
import { el, put, say } from "./dom.js";
import { bits, count, ms, rate } from "./format.js";
import { address, go, route } from "./route.js";
import { state } from "./state.js";

const RANGES = [
  ["15m", "15 minutes"],
  ["24h", "24 hours"],
];
const some = (write) => (value) => (value === null ? "–" : write(value));
const CHARTS = [
  { title: "Sessions", lines: [{ name: "", column: "sessions" }], isWhole: true, write: some((it) => count(Math.round(it))) },
  { title: "Connections a second", lines: [{ name: "", column: "connections_per_second" }], write: rate },
  {
    title: "Traffic",
    lines: [
      { name: "from backends", column: "bytes_out_per_second" },
      { name: "from clients", column: "bytes_in_per_second" },
    ],
    write: bits,
  },
  { title: "Errors a second", lines: [{ name: "", column: "errors_per_second" }], write: rate },
  {
    title: "Connect time",
    lines: [
      { name: "p99", column: "connect_p99_ms" },
      { name: "p50", column: "connect_p50_ms" },
    ],
    write: ms,
  },
  { title: "Backends up", lines: [{ name: "", column: "backends_up", low: true }], isWhole: true, write: some((it) => count(Math.round(it))) },
];
/** How often a history that no overview extends is asked for again. */
const STALE_MS = { "15m": 5000, "24h": 60000 };

/** The view; what is returned with it brings it up to date. */
export function charts() {
  const ranges = RANGES.map(([range, name]) => ({ range, node: el("a", { href: address({ range }) }, name) }));
  const pool = el("select", { id: "pool", onchange: () => go({ pool: pool.value }) });
  const tally = el("span", { class: "hint", role: "status" });
  const point = (place) => made.forEach((it) => it.point(place));
  let isPointing = false;
  const onpoint = (place) => {
    isPointing = place !== null;
    point(place);
  };
  const made = CHARTS.map((it) => chart({ ...it, onpoint }));
  const node = el(
    "section",
    { class: "panel" },
    el("div", { class: "bar-of-tools" }, el("h2", {}, "Charts"), el("span", { class: "segments" }, ...ranges.map((it) => it.node)), el("label", { for: "pool", class: "hidden" }, "Pool"), pool, tally),
    el("div", { class: "charts" }, ...made.map((it) => it.node)),
  );
  let fetched = { what: "", at: 0, history: null };

  async function ask(what) {
    fetched = { what, at: Date.now(), history: fetched.what === what ? fetched.history : null };
    try {
      const history = await read(`/v1/history?${what}`);
      if (fetched.what === what) fetched.history = history;
      say(tally, "");
    } catch (failure) {
      say(tally, failure.message);
    }
    update();
  }

  /** The history that is wanted: what overviews extend, or what is asked for now and then. */
  function wanted() {
    const { range, pool: name } = route();
    if (range === "15m" && name === "") return state.recent;
    const what = new URLSearchParams({ range, ...(name === "" ? {} : { pool: name }) }).toString();
    const isStale = fetched.what !== what || Date.now() - fetched.at > (STALE_MS[range] ?? 5000);
    if (isStale && state.link === "live") ask(what);
    return fetched.what === what ? fetched.history : null;
  }

  function update() {
    for (const it of ranges) {
      put(it.node, "aria-current", it.range === route().range ? "true" : null);
      put(it.node, "href", address({ range: it.range }));
    }
    choices(pool, state.overview);
    const history = wanted();
    if (history && !isPointing) for (const it of made) it.draw(history);
  }
  return { node, update };
}

/** All pools, and each one where there are several. */
function choices(select, overview) {
  const names = overview ? overview.pools.map((it) => it.name) : [];
  const text = names.join("\n");
  select.hidden = names.length < 2;
  if (select.dataset.names !== text) {
    select.dataset.names = text;
    const all = el("option", { value: "" }, "all pools");
    select.replaceChildren(all, ...names.map((name) => el("option", { value: name }, name)));
  }
  select.value = route().pool;
}
