// What has happened, the newest first: the last hundred that l4lb kept, and what came while the page was open.

import { el, keep, say } from "./dom.js";
import { moment, plural } from "./format.js";
import { now, state } from "./state.js";

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
    const some = () => `${plural(state.events.length, "event")}; of those before this page was opened l4lb keeps the last hundred`;
    say(tally, state.events.length === 0 ? "Nothing has happened since l4lb was started." : some());
    keep(list, state.events, key, make, () => {});
  }
  return { node, update };
}
