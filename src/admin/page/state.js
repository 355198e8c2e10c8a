// What the page knows, and who wants to hear of a change. It changes here and nowhere else.

/** What is known; `overview` is null before the first one. */
export const state = {
  overview: null,
  /** When an overview came last, by this machine's clock. */
  heard: null,
  /** "waiting", "live" or "lost". */
  link: "waiting",
  /** Why the link is lost, where l4lb has said so. */
  why: null,
  /** The quarter of an hour that sparklines show: a `History`, extended by each overview. */
  recent: null,
  /** What has happened, the newest first: what l4lb kept of it, and all since the page was opened. */
  events: [],
};

const watchers = new Set();

/** Calls `tell` after each change. */
export function watch(tell) {
  watchers.add(tell);
}

/** Changes what is known, and tells everybody. */
export function change(what) {
  Object.assign(state, what);
  for (const tell of watchers) tell();
}

/** Events that are kept. */
const EVENTS = 500;

/** Adds something that has happened. */
export function happened(event) {
  change({ events: [event, ...state.events].slice(0, EVENTS) });
}

/** When the numbers were taken: ages are counted from then, so that two clocks need not agree. */
export function now() {
  return state.overview ? new Date(state.overview.at) : new Date();
}

/** All backends, each with the pool that it is in. */
export function backends(overview) {
  return overview.pools.flatMap((pool) => pool.backends);
}
