// The backends as a table that is sorted, filtered and shown a hundred rows at a time, so that ten thousand
// of them cost no more than a hundred. On a narrow screen each row is a card.

import { changeDialog, mayWrite, readOnlyBecause } from "./actions.js";
import { strip } from "./checks.js";
import { el, keep, put, say } from "./dom.js";
import { bits, count, moment, ms, percent, plural, rate, span } from "./format.js";
import { show } from "./glyphs.js";
import { address, go, route } from "./route.js";
import { backends, now, state } from "./state.js";

const ROWS = 100;
/** The worst first, where states are sorted. */
const RANK = { down: 0, ejected: 1, maint: 2, drain: 3, up: 4 };

const COLUMNS = [
  { key: "state", name: "State", by: (it) => RANK[it.state] ?? 5 },
  { key: "name", name: "Backend", by: (it) => `${it.pool}/${it.name}` },
  { key: "checks", name: "Last 60 checks" },
  { key: "weight", name: "Weight", by: (it) => it.weight, isNumber: true },
  { key: "sessions", name: "Sessions", by: (it) => it.connections_active, isNumber: true },
  { key: "rate", name: "Connections", by: (it) => it.connections_per_second, isNumber: true },
  { key: "bits", name: "Traffic", by: (it) => it.bytes_in_per_second + it.bytes_out_per_second, isNumber: true },
  { key: "connect", name: "Connect p50, p99", by: (it) => it.connect_p99_ms ?? -1, isNumber: true },
  { key: "errors", name: "Errors", by: (it) => it.connect_errors_total, isNumber: true },
  { key: "share", name: "Share, due", by: (it) => it.share_now ?? -1, isNumber: true },
  { key: "change", name: "Change" },
];

const collator = new Intl.Collator("en", { numeric: true });

/** Words that all have to be found in what a row says of itself: `app/b2 down`. */
function matching(all, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return all;
  const text = (it) => `${it.pool}/${it.name} ${it.address} ${it.state}${it.backup ? " backup" : ""}`.toLowerCase();
  return all.filter((it) => words.every((word) => text(it).includes(word)));
}

/** Numbers fall from the most, unless the column is named with a minus; names and states rise. */
function sorted(all, sort) {
  const isTurned = sort.startsWith("-");
  const column = COLUMNS.find((it) => it.by && it.key === (isTurned ? sort.slice(1) : sort));
  if (!column) return all;
  const sign = isTurned !== Boolean(column.isNumber) ? -1 : 1;
  const compare = (one, other) => {
    const [a, b] = [column.by(one), column.by(other)];
    return typeof a === "string" ? collator.compare(a, b) : a - b;
  };
  return [...all].sort((one, other) => sign * compare(one, other));
}

function headings() {
  return COLUMNS.map((column) => {
    const turn = () => {
      const sort = route().sort;
      const next = sort === column.key ? `-${column.key}` : sort === `-${column.key}` ? "" : column.key;
      go({ sort: next, page: "1" });
    };
    const content = column.by ? el("button", { type: "button", class: "sort", onclick: turn }, column.name) : column.name;
    return { column, node: el("th", { scope: "col", class: column.isNumber ? "number" : "" }, content) };
  });
}

function row(isOnly) {
  const cells = {};
  const cell = (key, ...content) => {
    const { name, isNumber } = COLUMNS.find((it) => it.key === key);
    cells[key] = el("td", { class: `cell-${key}${isNumber ? " number" : ""}`, "data-name": name }, ...content);
    return cells[key];
  };
  const main = () => el("span", { class: "main" });
  const sub = () => el("span", { class: "sub" });
  const parts = { glyph: el("span"), checks: strip(), fill: el("i"), due: el("i", { class: "due" }) };
  for (const key of ["state", "weight", "sessions", "rate", "connect", "errors", "share"]) parts[key] = [main(), sub()];
  parts.bits = [main(), el("span", { class: "main" })];
  parts.name = [el("a", { class: "main" }), sub()];
  parts.press = el("button", { type: "button" });
  parts.more = el("button", { type: "button" }, "Change…");
  const node = el(
    "tr",
    {},
    cell("state", el("span", { class: "state" }, parts.glyph, parts.state[0]), parts.state[1]),
    cell("name", ...parts.name),
    cell("checks", parts.checks.node),
    ...["weight", "sessions", "rate", "bits", "connect", "errors"].map((key) => cell(key, ...parts[key])),
    cell("share", parts.share[0], el("span", { class: "bar", "aria-hidden": "true" }, parts.fill, parts.due), parts.share[1]),
    cell("change", el("span", { class: "buttons" }, parts.press, parts.more)),
  );
  let backend = null;
  parts.press.addEventListener("click", () => changeDialog(backend, ["drain", "maint"].includes(backend.state) ? "ready" : "drain"));
  parts.more.addEventListener("click", () => changeDialog(backend));
  node.refresh = (it) => {
    backend = it;
    update(parts, cells, node, it, isOnly);
  };
  return node;
}

function update(parts, cells, node, it, isOnly) {
  const at = now();
  const two = (key, first, second) => {
    say(parts[key][0], first);
    say(parts[key][1], second);
  };
  show(parts.glyph, it.state);
  put(node, "class", `is-${it.state}`);
  two("state", it.state, `since ${moment(it.since, at)}, ${span((at - new Date(it.since)) / 1000)}`);
  two("name", isOnly() ? it.name : `${it.pool}/${it.name}`, `${it.address}${it.backup ? ", backup" : ""}`);
  put(parts.name[0], "href", address({ filter: `${it.pool}/${it.name}`, page: "1" }));
  parts.checks.update(it, at);
  two("weight", count(it.weight), "");
  two("sessions", count(it.connections_active), it.max_connections === null ? "" : `of ${count(it.max_connections)}`);
  two("rate", `${rate(it.connections_per_second)} /s`, `${count(it.connections_total)} in all`);
  two("bits", `${bits(it.bytes_in_per_second)} in`, `${bits(it.bytes_out_per_second)} out`);
  put(cells.bits, "title", `${count(it.bytes_in)} bytes in, ${count(it.bytes_out)} bytes out`);
  two("connect", ms(it.connect_p50_ms), ms(it.connect_p99_ms));
  const kinds = Object.entries(it.errors).filter(([, number]) => number > 0);
  two("errors", count(it.connect_errors_total), kinds.map(([kind, number]) => `${count(number)} ${kind}`).join(", "));
  two("share", percent(it.share_now), `due ${percent(it.share_due)}`);
  parts.fill.style.inlineSize = `${Math.round((it.share_now ?? 0) * 100)}%`;
  parts.due.style.insetInlineStart = `${Math.round(it.share_due * 100)}%`;
  say(parts.press, ["drain", "maint"].includes(it.state) ? "Ready…" : "Drain…");
  put(parts.press, "aria-label", `${parts.press.textContent} ${it.pool}/${it.name}`);
  put(parts.more, "aria-label", `Change ${it.pool}/${it.name}`);
  for (const button of [parts.press, parts.more]) {
    button.disabled = !mayWrite();
    put(button, "title", readOnlyBecause());
  }
}

/** The view; what is returned with it brings it up to date. */
export function table() {
  const filter = el("input", { type: "search", id: "filter", placeholder: "name, address or state", autocomplete: "off", spellcheck: "false" });
  filter.addEventListener("input", () => go({ filter: filter.value, page: "1" }));
  const tally = el("span", { class: "hint", role: "status" });
  const why = el("span", { class: "hint" });
  const heads = headings();
  const body = el("tbody");
  const pager = el("p", { class: "pager" });
  let isOnly = true;
  const node = el(
    "section",
    { class: "panel" },
    el("div", { class: "bar-of-tools" }, el("h2", {}, "Backends"), el("label", { for: "filter", class: "hidden" }, "Filter"), filter, tally, why),
    el("div", { class: "scroll" }, el("table", { class: "backends" }, el("thead", {}, el("tr", {}, ...heads.map((it) => it.node))), body)),
    pager,
  );
  function refresh() {
    const { overview } = state;
    if (!overview) return;
    const where = route();
    if (document.activeElement !== filter) filter.value = where.filter;
    const all = backends(overview);
    const found = sorted(matching(all, where.filter), where.sort);
    isOnly = overview.pools.length === 1;
    for (const { column, node: head } of heads) {
      const isTurned = where.sort === `-${column.key}`;
      const isSorted = isTurned || where.sort === column.key;
      put(head, "aria-sort", isSorted ? (isTurned !== Boolean(column.isNumber) ? "descending" : "ascending") : null);
    }
    const pages = Math.max(1, Math.ceil(found.length / ROWS));
    const page = Math.min(Math.max(1, Number.parseInt(where.page, 10) || 1), pages);
    say(tally, found.length === all.length ? plural(all.length, "backend") : `${count(found.length)} of ${plural(all.length, "backend")}`);
    say(why, readOnlyBecause() ?? "");
    const rows = found.slice((page - 1) * ROWS, page * ROWS);
    keep(body, rows, (it) => `${it.pool}/${it.name}/${it.address}`, () => row(() => isOnly), (tr, it) => tr.refresh(it));
    paging(pager, page, pages);
  }
  return { node, update: refresh };
}

function paging(pager, page, pages) {
  const text = pages > 1 ? `${page}/${pages}` : "";
  if (pager.dataset.shows === text + location.hash) return;
  pager.dataset.shows = text + location.hash;
  if (pages === 1) return pager.replaceChildren();
  const step = (to, name) => (to >= 1 && to <= pages ? el("a", { href: address({ page: String(to) }) }, name) : el("span", { class: "hint" }, name));
  pager.replaceChildren(step(page - 1, "Previous"), ` page ${count(page)} of ${count(pages)} `, step(page + 1, "Next"));
}
