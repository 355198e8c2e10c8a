// The program itself: its loops, what it uses of the machine, and how bytes are moved.

import { el, keep, put, say } from "./dom.js";
import { bits, bytes, count, percent, rate, span } from "./format.js";
import { state } from "./state.js";

/** A fact with a meter below it, where it is a part of a whole. */
function fact(name) {
  const value = el("b");
  const note = el("span", { class: "sub" });
  const fill = el("i");
  const meter = el("span", { class: "bar", "aria-hidden": "true" }, fill);
  const node = el("div", { class: "fact" }, el("span", { class: "tile-name" }, name), value, meter, note);
  return {
    node,
    tell(text, more = "", part = null) {
      say(value, text);
      say(note, more);
      put(meter, "class", part === null ? "bar is-off" : `bar${part > 0.8 ? " is-high" : ""}`);
      fill.style.inlineSize = `${Math.min(100, Math.round((part ?? 0) * 100))}%`;
    },
  };
}

const share = (part, whole) => (whole > 0 ? part / whole : 0);

/** The view; what is returned with it brings it up to date. */
export function engine() {
  const names = ["Descriptors", "Pipes", "Memory", "Copied", "Spliced", "Access log", "Uptime", "Process"];
  const facts = Object.fromEntries(names.map((name) => [name, fact(name)]));
  const workers = el("div", { class: "facts" });
  const node = el(
    "section",
    { class: "panel" },
    el("h2", {}, "Event loops"),
    workers,
    el("h2", {}, "Resources"),
    el("div", { class: "facts" }, ...names.map((name) => facts[name].node)),
  );
  const make = (it) => {
    const made = fact(`Worker ${it.number}`);
    made.node.refresh = (now) => made.tell(`${percent(now.busy)} busy`, `${rate(now.iterations_per_second)} turns a second, ${count(now.sessions)} sessions`, now.busy);
    return made.node;
  };
  function update() {
    const { overview } = state;
    if (!overview) return;
    const { descriptors, pipes, relay, access_log: log, memory_bytes: memory, workers: loops } = overview.engine;
    const numbered = loops.map((it, place) => ({ ...it, number: place + 1 }));
    keep(workers, numbered, (it) => String(it.number), make, (child, it) => child.refresh(it));
    const moved = relay.copy_bytes_per_second + relay.splice_bytes_per_second;
    const part = (number) => `${percent(share(number, moved))} of the bytes`;
    facts.Descriptors.tell(count(descriptors.used), `of ${count(descriptors.limit)}`, share(descriptors.used, descriptors.limit));
    facts.Pipes.tell(count(pipes.used), `in use, ${count(pipes.idle)} idle, of ${count(pipes.limit)}`, share(pipes.used, pipes.limit));
    facts.Memory.tell(bytes(memory), "resident");
    facts.Copied.tell(bits(relay.copy_bytes_per_second), part(relay.copy_bytes_per_second), share(relay.copy_bytes_per_second, moved));
    facts.Spliced.tell(bits(relay.splice_bytes_per_second), part(relay.splice_bytes_per_second), share(relay.splice_bytes_per_second, moved));
    facts["Access log"].tell(`${count(log.lines_total)} lines`, log.dropped_total === 0 ? "none dropped" : `${count(log.dropped_total)} dropped`);
    put(facts["Access log"].node, "class", log.dropped_total === 0 ? "fact" : "fact is-warning");
    facts.Uptime.tell(span(overview.uptime_seconds), overview.draining ? "draining" : overview.ready ? "ready" : "not ready");
    facts.Process.tell(`pid ${overview.pid}`, overview.version);
  }
  return { node, update };
}
