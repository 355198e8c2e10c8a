// The page: each view is made when it is looked at, and brought up to date with every change.

import { tokenButton } from "./actions.js";
import { worst } from "./certificates.js";
import { charts } from "./charts.js";
import { connections } from "./connections.js";
import { byId, el, put } from "./dom.js";
import { engine } from "./engine.js";
import { events } from "./events.js";
import { flow } from "./flow.js";
import { header } from "./header.js";
import { listeners } from "./listeners.js";
import { address, route, watchRoute } from "./route.js";
import { now, state, watch } from "./state.js";
import { begin } from "./stream.js";
import { table } from "./table.js";
import { theme } from "./theme.js";
import { tiles } from "./tiles.js";

const VIEWS = [
  ["backends", "Backends", () => [flow(), table()]],
  ["listeners", "Listeners", () => [listeners()]],
  ["connections", "Connections", () => [connections()]],
  ["charts", "Charts", () => [charts()]],
  ["events", "Events", () => [events()]],
  ["engine", "Engine", () => [engine()]],
];

const tabs = VIEWS.map(([tab, name]) => ({ tab, node: el("a", {}, name) }));
byId("tabs").append(...tabs.map((it) => it.node));

let shown = { tab: null, parts: [] };

/** Makes the view that the address names, unless it is there. */
function enter() {
  const [tab, , make] = VIEWS.find(([it]) => it === route().tab) ?? VIEWS[0];
  for (const it of tabs) {
    put(it.node, "aria-current", it.tab === tab ? "page" : null);
    put(it.node, "href", address({ tab: it.tab }));
  }
  if (shown.tab === tab) return;
  for (const part of shown.parts) part.leave?.();
  shown = { tab, parts: make() };
  byId("view").replaceChildren(...shown.parts.map((it) => it.node));
}

/** Says at the tab of the listeners, too, that a certificate needs somebody to see to it. */
function mark({ overview }) {
  const level = overview ? worst(overview, now()) : "good";
  const { node } = tabs.find((it) => it.tab === "listeners");
  put(node, "data-mark", level === "good" ? null : level);
  put(node, "title", { warning: "A certificate expires soon", bad: "A certificate is not valid" }[level]);
}

const fixed = [
  mark,
  header({ about: byId("about"), banner: byId("banner"), sentence: byId("sentence") }),
  tiles(byId("tiles")),
  tokenButton(byId("token")),
];

function update() {
  enter();
  for (const tell of fixed) tell(state);
  for (const part of shown.parts) part.update(state);
}

/** Many changes in one moment are one update, and none is made for a page that is not seen. */
let isDue = false;
function updateSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    update();
  });
}

theme(byId("theme"));
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
watch(updateSoon);
watchRoute(update);
addEventListener("resize", updateSoon);
update();
begin();
