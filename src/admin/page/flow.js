// The flow picture: listeners, pools and backends, joined by ribbons as wide as the traffic between them.

import { destinations, edges } from "./destinations.js";
import { el, put, svg } from "./dom.js";
import { bits, count, list } from "./format.js";
import { address } from "./route.js";

/** Backends of a pool that have a place of their own; the others share one. */
const MOST = 12;
const BAR = 8;
const GAP = 18;
const LEAST = 22;
/** How wide a ribbon is without traffic. */
const LINE = 1.5;
/** A picture that is narrower has no names at its ribbons, nor has a name more letters. */
const ROOM = 640;
const LETTERS = 28;
const LEADING = 15;
/** How high all ribbons of a column are together. */
const TRAFFIC = 150;

const traffic = (it) => it.bytes_in_per_second + it.bytes_out_per_second;

/** The busiest backends of a pool, in their own order, and the rest as one. */
function shown(pool) {
  const nodes = pool.backends.map((it) => ({
    key: `${it.pool}/${it.name}`,
    name: it.name,
    state: it.state,
    value: traffic(it),
    filter: `${it.pool}/${it.name}`,
  }));
  if (nodes.length <= MOST) return nodes;
  const ranked = [...nodes].sort((one, other) => other.value - one.value);
  const first = new Set(ranked.slice(0, MOST - 1));
  const rest = ranked.slice(MOST - 1);
  const value = rest.reduce((sum, it) => sum + it.value, 0);
  const others = { key: `${pool.name}/*`, name: `${count(rest.length)} others`, state: "rest", value, filter: pool.name };
  return [...nodes.filter((it) => first.has(it)), others];
}

/** Places the nodes of a column one below the other. */
function stack(nodes, scale, height) {
  const heights = nodes.map((it) => Math.max(LEAST, it.value * scale));
  const all = heights.reduce((sum, it) => sum + it, 0) + GAP * (nodes.length - 1);
  let y = Math.max(0, (height - all) / 2);
  nodes.forEach((node, place) => {
    Object.assign(node, { y, height: heights[place], left: 0, right: 0 });
    y += heights[place] + GAP;
  });
}

/** How high a column is. */
const needs = (nodes, scale) =>
  nodes.reduce((sum, it) => sum + Math.max(LEAST, it.value * scale) + GAP, -GAP);

/** A ribbon from the right edge of one node to the left edge of another, and where its middle is. */
function ribbon(from, to, x1, x2, value, scale) {
  const width = Math.max(LINE, value * scale);
  const half = width / 2;
  const slack = (node, sum) => Math.max(0, (node.height - sum * scale) / 2);
  const y1 = from.y + slack(from, from.value) + from.right + half;
  const y2 = to.y + slack(to, to.value) + to.left + half;
  from.right += value * scale;
  to.left += value * scale;
  const middle = (x1 + x2) / 2;
  const curve = `M${x1} ${y1 - half}C${middle} ${y1 - half} ${middle} ${y2 - half} ${x2} ${y2 - half}`;
  const back = `L${x2} ${y2 + half}C${middle} ${y2 + half} ${middle} ${y1 + half} ${x1} ${y1 + half}Z`;
  return { d: curve + back, x: middle, y: (y1 + y2) / 2 };
}

function columns(overview) {
  const listeners = overview.listeners.map((it) => ({ key: it.name, name: it.name, state: "listener", value: traffic(it), ways: destinations(it) }));
  const pools = overview.pools.map((it) => ({ key: it.name, name: it.name, state: "pool", backends: shown(it), filter: it.name }));
  for (const pool of pools) pool.value = pool.backends.reduce((sum, it) => sum + it.value, 0);
  return { listeners, pools, edges: edges(listeners, pools), backends: pools.flatMap((it) => it.backends) };
}

/** As many whole names as there is room for. */
function short(text) {
  if (text.length <= LETTERS) return text;
  const cut = text.slice(0, LETTERS - 1);
  const end = cut.lastIndexOf(", ");
  return end > 0 ? `${cut.slice(0, end)}, …` : `${cut}…`;
}

/** The names that lead along each ribbon, as far as there is room, one below the other. */
function edgeLabels(drawn, width) {
  const named = width < ROOM ? [] : drawn.filter((it) => it.names.length > 0);
  let least = 0;
  return named.sort((one, other) => one.at.y - other.at.y).map(({ names, at }) => {
    const text = list(names, 2);
    const y = Math.max(least, at.y + 4);
    least = y + LEADING;
    return svg("text", { class: "flow-edge", x: at.x, y, "text-anchor": "middle" }, short(text), svg("title", {}, names.join("; ")));
  });
}

function label(node, x, anchor) {
  const state = ["up", "listener", "pool", "rest"].includes(node.state) ? "" : ` · ${node.state}`;
  const text = svg("text", { x, y: node.y + node.height / 2 - 2, "text-anchor": anchor }, svg("tspan", { class: "flow-name" }, `${node.name}${state}`));
  text.append(svg("tspan", { class: "flow-value", x, dy: "1.25em" }, bits(node.value)));
  return text;
}

/** A picture; what is returned with it brings it up to date. */
export function flow() {
  const canvas = svg("svg", { class: "flow", role: "img" });
  const node = el("section", { class: "panel" }, el("h2", {}, "Flow"), el("p", { class: "hint" }, "The width is the traffic, both ways together."), canvas);
  function update({ overview }) {
    if (!overview || node.hidden) return;
    const { listeners, pools, backends, edges: ways } = columns(overview);
    const width = Math.max(300, Math.round(canvas.clientWidth || 900));
    const most = Math.max(1, ...[listeners, pools, backends].map((all) => all.reduce((sum, it) => sum + it.value, 0)));
    const scale = TRAFFIC / most;
    const height = Math.ceil(Math.max(...[listeners, pools, backends].map((all) => needs(all, scale)))) + 4;
    for (const all of [listeners, pools, backends]) stack(all, scale, height);
    const x = [0, Math.round((width - BAR) * 0.46), width - BAR];
    const parts = [];
    const draw = (from, to, x1, x2, value, state) => {
      const drawn = ribbon(from, to, x1 + BAR, x2, value, scale);
      parts.push(svg("path", { class: `ribbon is-${state}`, d: drawn.d }));
      return drawn;
    };
    const drawn = ways.map((it) => ({ names: it.names, at: draw(it.from, it.to, x[0], x[1], it.value, "up") }));
    for (const from of pools) for (const to of from.backends) draw(from, to, x[1], x[2], to.value, to.state);
    [listeners, pools, backends].forEach((all, column) => {
      for (const it of all) {
        parts.push(svg("rect", { class: `node is-${it.state}`, x: x[column], y: it.y, width: BAR, height: it.height, rx: 2 }));
        const text = column === 0 ? label(it, BAR + 8, "start") : label(it, x[column] - 8, "end");
        parts.push(it.filter ? svg("a", { href: address({ tab: "backends", filter: it.filter, page: "1" }) }, text) : text);
      }
    });
    parts.push(...edgeLabels(drawn, width));
    put(canvas, "viewBox", `0 0 ${width} ${height}`);
    put(canvas, "height", height);
    put(canvas, "aria-label", summary(overview));
    canvas.replaceChildren(...parts);
  }
  return { node, update };
}

function summary(overview) {
  const pools = overview.pools.map((it) => `${it.name} with ${it.backends.length} backends`);
  const to = ({ pool, names }) => (names.length > 0 ? `pool ${pool} for ${names.join("; ")}` : `pool ${pool}`);
  const listeners = overview.listeners.map((it) => `${it.name} to ${list(destinations(it).map(to), 12)}`);
  return `Listeners: ${listeners.join(", ")}. Pools: ${pools.join(", ")}.`;
}
