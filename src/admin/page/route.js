// Where on the page one is: kept in the address after the hash, so that it can be sent to others. The theme
// and the token are not there.

const DEFAULTS = { tab: "backends", sort: "", filter: "", page: "1", by: "bytes", range: "15m", pool: "" };

const watchers = new Set();
let current = read();

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const route = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) if (given.has(name)) route[name] = given.get(name);
  return route;
}

/** Where one is. */
export const route = () => current;

/** The address of another place; what is not named stays as it is. */
export function address(change) {
  const there = { ...current, ...change };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(there)) if (value !== DEFAULTS[name]) query.set(name, value);
  return `#${query}`;
}

/** Goes there. A step back comes back here, unless this place is only `refined`, as a filter is. */
export function go(change, { refined = true } = {}) {
  const there = address(change);
  if (refined) history.replaceState(null, "", there);
  else history.pushState(null, "", there);
  arrive();
}

/** Calls `tell` whenever one is elsewhere. */
export function watchRoute(tell) {
  watchers.add(tell);
}

function arrive() {
  current = read();
  for (const tell of watchers) tell();
}

addEventListener("hashchange", arrive);
addEventListener("popstate", arrive);
