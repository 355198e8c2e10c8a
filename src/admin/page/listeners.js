// The listeners: where their clients go, and what was said to them in TLS and in HTTP.

import { certificates } from "./certificates.js";
import { destinations } from "./destinations.js";
import { el, keep, put, say } from "./dom.js";
import { bits, count, rate } from "./format.js";
import { now, state } from "./state.js";

/** Numbers side by side, each with its name above and a note below. */
function counters(title) {
  const all = el("dl", { class: "counters" });
  const node = el("div", {}, title ? el("h3", {}, title) : null, all);
  const make = () => {
    const parts = [el("dt"), el("dd"), el("dd", { class: "sub" })];
    const child = el("div", {}, ...parts);
    child.refresh = (texts) => parts.forEach((part, place) => say(part, texts[place] ?? ""));
    return child;
  };
  const update = (texts) => keep(all, texts, ([name]) => name, make, (child, it) => child.refresh(it));
  return { node, update };
}

/** Pools with the names that lead there. */
function ways() {
  const all = el("ul", { class: "ways" });
  const make = () => {
    const parts = [el("b"), el("span", { class: "hint" })];
    const child = el("li", {}, parts[0], " ", parts[1]);
    child.refresh = ({ pool, names }) => {
      say(parts[0], pool);
      say(parts[1], names.join("; "));
    };
    return child;
  };
  const node = el("div", {}, el("h3", {}, "Pools"), all);
  return { node, update: (listener) => keep(all, destinations(listener), (it) => it.pool, make, (child, it) => child.refresh(it)) };
}

function why({ failures }) {
  return Object.entries(failures).map(([kind, number]) => `${count(number)} ${kind}`).join(", ");
}

/** By class, what backends have answered and, below that, what l4lb has. */
function responses({ responses: theirs, own_responses: own }) {
  return Object.entries(theirs).map(([name, number]) => [name, count(number), own[name] > 0 ? `and ${count(own[name])} own` : ""]);
}

function panel(listener) {
  const addresses = el("span", { class: "hint" });
  const parts = { traffic: counters(), ways: ways(), handshakes: counters("TLS handshakes"), certificates: certificates(), responses: counters("HTTP responses") };
  const node = el(
    "section",
    { class: "panel listener" },
    el("div", { class: "bar-of-tools" }, el("h2", {}, listener.name), addresses),
    ...["traffic", "ways", "responses", "handshakes", "certificates"].map((name) => parts[name].node),
  );
  node.refresh = (it) => {
    say(addresses, it.addresses.join(", ") || "listens no more");
    parts.traffic.update([
      ["Sessions", count(it.sessions)],
      ["Connections", `${rate(it.connections_per_second)} /s`],
      ["From clients", bits(it.bytes_in_per_second)],
      ["To clients", bits(it.bytes_out_per_second)],
      ["Rejected", count(it.rejected_total)],
    ]);
    parts.ways.update(it);
    put(parts.responses.node, "hidden", !it.http);
    if (it.http) parts.responses.update(responses(it.http));
    for (const name of ["handshakes", "certificates"]) put(parts[name].node, "hidden", !it.tls);
    if (!it.tls) return;
    const { handshakes } = it.tls;
    parts.handshakes.update([["Full", count(handshakes.full)], ["Resumed", count(handshakes.resumed)], ["Failed", count(handshakes.failed), why(handshakes)]]);
    parts.certificates.update(it.tls.certificates, now());
  };
  return node;
}

/** The view; what is returned with it brings it up to date. */
export function listeners() {
  const node = el("div");
  function update() {
    const { overview } = state;
    if (!overview) return;
    keep(node, overview.listeners, (it) => it.name, panel, (child, it) => child.refresh(it));
  }
  return { node, update };
}
