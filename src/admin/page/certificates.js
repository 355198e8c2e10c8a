// The certificates that a listener shows, those first whose time is over first.

import { el, keep, put, say } from "./dom.js";
import { count, list, plural } from "./format.js";
import { show } from "./glyphs.js";

const MOST = 50;
/** From here on somebody should see to it. */
const SOON_DAYS = 30;
const HEADS = ["Time left", "For", "Until", "OCSP", "File"];

/** How bad it is, in a level and in words. */
export function standing(certificate, now) {
  const { days_left: days, not_before: from } = certificate;
  if (days < 0) return { level: "bad", text: "expired" };
  if (new Date(from) > now) return { level: "bad", text: `not valid before ${from.slice(0, 10)}` };
  const text = days === 0 ? "less than a day left" : `${plural(days, "day")} left`;
  return { level: days < SOON_DAYS ? "warning" : "good", text };
}

/** The worst level of all certificates of all listeners. */
export function worst(overview, now) {
  const all = overview.listeners.flatMap((it) => it.tls?.certificates ?? []);
  const levels = all.map((it) => standing(it, now).level);
  return ["bad", "warning"].find((level) => levels.includes(level)) ?? "good";
}

function row() {
  const cells = HEADS.map((name) => el("td", { "data-name": name }));
  const parts = { glyph: el("span"), left: el("span", { class: "main" }), names: el("span", { class: "main" }), subject: el("span", { class: "sub" }) };
  cells[0].append(el("span", { class: "state" }, parts.glyph, parts.left));
  cells[1].append(parts.names, parts.subject);
  const node = el("tr", {}, ...cells);
  node.refresh = (it, now) => {
    const { level, text } = standing(it, now);
    put(node, "class", `is-${level}`);
    show(parts.glyph, level === "bad" ? "down" : level);
    say(parts.left, text);
    say(parts.names, it.names.length > 0 ? list(it.names) : it.subject);
    put(parts.names, "title", it.names.join(", "));
    say(parts.subject, it.names.length > 0 ? it.subject : "");
    say(cells[2], it.not_after.replace("T", " ").replace("Z", " UTC"));
    say(cells[3], it.ocsp_stapled ? "stapled" : "not stapled");
    say(cells[4], it.file);
  };
  return node;
}

/** A table; what is returned with it brings it up to date. */
export function certificates() {
  const body = el("tbody");
  const heads = HEADS.map((name) => el("th", { scope: "col" }, name));
  const more = el("p", { class: "hint" });
  const table = el("table", { class: "certificates" }, el("thead", {}, el("tr", {}, ...heads)), body);
  const node = el("div", {}, el("h3", {}, "Certificates"), el("div", { class: "scroll" }, table), more);
  function update(all, now) {
    // A file may be named twice.
    const numbered = all.slice(0, MOST).map((it, place) => ({ it, key: `${it.file} ${place}` }));
    keep(body, numbered, ({ key }) => key, row, (tr, { it }) => tr.refresh(it, now));
    say(more, all.length > MOST ? `and ${count(all.length - MOST)} others that are valid for longer` : "");
  }
  return { node, update };
}
