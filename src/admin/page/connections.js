// Live connections: the biggest, the oldest or the idlest. They are asked for only while they are looked at.

import { killDialog, mayWrite, readOnlyBecause } from "./actions.js";
import { read } from "./api.js";
import { el, keep, put, say } from "./dom.js";
import { bytes, count, plural, span } from "./format.js";
import { address, route } from "./route.js";
import { state } from "./state.js";

const MOST = 100;
const EVERY_MS = 2000;
const ORDERS = [
  ["bytes", "Biggest"],
  ["age", "Oldest"],
  ["idle", "Idlest"],
];
const HEADS = ["Connection", "Client", "Backend", "Age", "Idle", "From client", "From backend", "Path", "Kill"];

function row() {
  const cells = HEADS.map((name, place) => el("td", { "data-name": name, class: place > 2 && place < 7 ? "number" : "" }));
  const button = el("button", { type: "button" }, "Kill…");
  cells.at(-1).append(button);
  const node = el("tr", {}, ...cells);
  let connection = null;
  button.addEventListener("click", () => killDialog(connection));
  node.refresh = (it) => {
    connection = it;
    const where = it.backend === null ? `${it.pool}, in line` : `${it.pool}/${it.backend}`;
    const texts = [it.id, it.client, where, span(it.age_seconds), span(it.idle_seconds), bytes(it.bytes_in), bytes(it.bytes_out), it.path];
    texts.forEach((text, place) => say(cells[place], text));
    put(cells[5], "title", `${count(it.bytes_in)} bytes`);
    put(cells[6], "title", `${count(it.bytes_out)} bytes`);
    put(button, "aria-label", `Kill connection ${it.id}`);
    button.disabled = !mayWrite();
    put(button, "title", readOnlyBecause());
  };
  return node;
}

/** The view; what is returned with it brings it up to date, and `leave` is called when it goes. */
export function connections() {
  const orders = ORDERS.map(([by, name]) => ({ by, node: el("a", { href: address({ by }) }, name) }));
  const tally = el("span", { class: "hint", role: "status" });
  const body = el("tbody");
  const heads = HEADS.map((name, place) => el("th", { scope: "col", class: place > 2 && place < 7 ? "number" : "" }, name));
  const node = el(
    "section",
    { class: "panel" },
    el("div", { class: "bar-of-tools" }, el("h2", {}, "Connections"), el("span", { class: "segments" }, ...orders.map((it) => it.node)), tally),
    el("div", { class: "scroll" }, el("table", { class: "connections" }, el("thead", {}, el("tr", {}, ...heads)), body)),
  );
  let timer = 0;
  let asked = "";

  async function poll() {
    clearTimeout(timer);
    const by = route().by;
    asked = by;
    if (!document.hidden) {
      try {
        const answer = await read(`/v1/connections?limit=${MOST}&sort=${encodeURIComponent(by)}`);
        if (asked === by) list(answer.connections);
      } catch (failure) {
        say(tally, failure.message);
      }
    }
    clearTimeout(timer);
    if (node.isConnected) timer = setTimeout(poll, EVERY_MS);
  }

  function list(all) {
    const sessions = state.overview?.totals.sessions ?? all.length;
    const text = all.length === 0 ? "No connection is open." : all.length < MOST ? `${plural(all.length, "connection")}` : `${MOST} of ${count(sessions)}`;
    say(tally, text);
    keep(body, all, (it) => it.id, row, (tr, it) => tr.refresh(it));
  }

  function update() {
    for (const it of orders) {
      put(it.node, "aria-current", it.by === route().by ? "true" : null);
      put(it.node, "href", address({ by: it.by }));
    }
    if (asked !== route().by) poll();
  }
  return { node, update, leave: () => clearTimeout(timer) };
}
