// What has happened while the page was open, the newest first.

import { el, keep, say } from "./dom.js";
import { moment, plural } from "./format.js";
import { now, state } from "./state.js";

const opened = new Date();

/** The view; what is returned with it brings it up to date. */
export function events() {
  const tally = el("span", { class: "hint", role: "status" });
  const list = el("ol", { class: "events" });
  const node = el("section", { class: "panel" }, el("div", { class: "bar-of-tools" }, el("h2", {}, "Events"), tally), list);
  // What is in the list never changes: an event is its own key.
  const keys = new WeakMap();
  let last = 0;
  const key = (event) => {
    if (!keys.has(event)) keys.set(event, String((last += 1)));
    return keys.get(event);
  };
  const make = (event) =>
    el("li", {}, el("time", { datetime: event.at }, moment(event.at, now())), el("span", { class: "kind" }, event.kind), el("span", { class: "text" }, event.text));
  function update() {
    const since = `since this page was opened at ${moment(opened.toISOString(), new Date())}`;
    say(tally, state.events.length === 0 ? `Nothing has happened ${since}.` : `${plural(state.events.length, "event")} ${since}`);
    keep(list, state.events, key, make, () => {});
  }
  return { node, update };
}
