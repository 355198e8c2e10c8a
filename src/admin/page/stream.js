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
let again = 0;

function close() {
  streams?.abort();
  streams = null;
  clearTimeout(silence);
  clearTimeout(retry);
  clearTimeout(again);
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
  // In a container each one may have the same pid.
  const isAnother = old && (old.pid !== overview.pid || overview.uptime_seconds < old.uptime_seconds);
  if (isAnother) {
    seen = 0;
    note("process", `l4lb was started anew, with pid ${overview.pid}.`);
  }
  const isNew = state.link !== "live";
  const recent = isAnother || isNew ? null : extend(state.recent, overview);
  change({ overview, recent, link: "live", heard: new Date() });
  // What happens is followed once overviews come: so there is one attempt at a time while nobody answers.
  if (isNew) listenToEvents();
  if (recent === null) remember();
}

/** The number of the event that came last: what comes again after a pause is left out. */
let seen = 0;

function listenToEvents() {
  follow("/v1/events?past=100", takeEvent, miss);
}

function takeEvent(event) {
  missing = null;
  if (event.id <= seen) return;
  seen = event.id;
  happened(event);
}

let missing = null;

/** Tries again while overviews come; `why` is told once. */
function miss(why) {
  if (why !== null && why !== missing) note("page", `Events are not told: ${why}. Trying again.`);
  missing = why;
  again = setTimeout(listenToEvents, LONGEST_PAUSE_MS);
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

function look() {
  if (document.hidden) {
    close();
    return;
  }
  change({ link: "waiting" });
  pause = FIRST_PAUSE_MS;
  open();
}

/** Begins, and goes on for as long as the page is there. */
export function begin() {
  document.addEventListener("visibilitychange", look);
  look();
}
