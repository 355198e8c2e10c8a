// The live stream: an overview each second and what happens in between. It comes back by itself, with pauses
// that grow, and it rests while nobody sees the page: a browser opens six connections to a server in all tabs
// together, and each stream is one of them.

import { Refused, read } from "./api.js";
import { feed } from "./feed.js";
import { extend } from "./series.js";
import { change, happened, state } from "./state.js";

/** A stream that is silent for so long is lost: it should speak once a second. */
const SILENCE_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

let streams = null;
let pause = FIRST_PAUSE_MS;
let silence = 0;
let retry = 0;

function close() {
  streams?.abort();
  streams = null;
  clearTimeout(silence);
  clearTimeout(retry);
}

function open() {
  close();
  streams = new AbortController();
  follow("/v1/overview/stream", take, lose);
  listen();
}

/** Takes what comes; `end` hears why a stream has ended, unless `close` has ended it. */
async function follow(path, take, end) {
  const mine = streams;
  let why = null;
  try {
    await feed(path, mine.signal, take);
  } catch (failure) {
    if (failure instanceof Refused) why = failure.message;
  }
  if (mine === streams) end(why);
}

/** Waits for the next overview, and no longer than it should take. */
function listen() {
  clearTimeout(silence);
  silence = setTimeout(lose, SILENCE_MS, null);
}

function lose(why) {
  close();
  change({ link: "lost", why });
  retry = setTimeout(open, pause * (0.75 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

function take(overview) {
  listen();
  pause = FIRST_PAUSE_MS;
  const old = state.overview;
  const isAnother = old && old.pid !== overview.pid;
  if (isAnother) {
    note("process", `Another l4lb answers, with pid ${overview.pid}; the one with pid ${old.pid} has gone.`);
  }
  const isNew = state.link !== "live";
  const recent = isAnother || isNew ? null : extend(state.recent, overview);
  change({ overview, recent, link: "live", heard: new Date() });
  // What happens is followed once overviews come: so there is one attempt at a time while nobody answers.
  if (isNew) follow("/v1/events", happened, miss);
  if (recent === null) remember();
}

function miss(why) {
  note("page", `From here on nothing is noted until the page is live again${why ? `: ${why}` : ""}.`);
}

let isRemembering = false;

/** Asks for what was before the page was opened, or while it did not listen. */
async function remember() {
  if (isRemembering) return;
  isRemembering = true;
  try {
    const history = await read("/v1/history?range=15m");
    change({ recent: extend(history, state.overview) });
  } catch {
    // The next overview asks again.
  } finally {
    isRemembering = false;
  }
}

function note(kind, text) {
  happened({ at: new Date().toISOString(), kind, text });
}

let left = null;

function look() {
  if (document.hidden) {
    left = new Date();
    close();
    return;
  }
  if (left && state.events.length > 0) note("page", "This page was not looked at until now, and noted nothing.");
  left = null;
  change({ link: "waiting" });
  pause = FIRST_PAUSE_MS;
  open();
}

/** Begins, and goes on for as long as the page is there. */
export function begin() {
  document.addEventListener("visibilitychange", look);
  look();
}
