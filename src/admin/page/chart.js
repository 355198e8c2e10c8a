// Lines over time, in SVG: small ones without a word, and large ones with axes and a readout.

import { el, put, say, svg } from "./dom.js";
import { clock } from "./format.js";
import { peak, roundUp, thinned } from "./series.js";

/** The path of a line through `values`, with gaps where there are none. A lone point is a short dash. */
function line(values, x, y) {
  let path = "";
  let isDown = false;
  values.forEach((value, place) => {
    if (value === null) {
      isDown = false;
      return;
    }
    path += `${isDown ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!isDown && (values[place + 1] ?? null) === null) path += "h1";
    isDown = true;
  });
  return path;
}

/** A line without axes; `draw` shows others, on a time of at least `length` points. */
export function sparkline(width = 160, height = 36) {
  const area = svg("path", { class: "spark-area" });
  const stroke = svg("path", { class: "spark-line", "vector-effect": "non-scaling-stroke" });
  const node = svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    area,
    stroke,
  );
  function draw(values, length, low = false) {
    const missing = Math.max(0, length - values.length);
    const all = thinned([...new Array(missing).fill(null), ...values], width / 2, low);
    const most = peak(all) || 1;
    const x = (place) => (place * width) / (all.length - 1);
    const y = (value) => height - 1.5 - (value / most) * (height - 4);
    const path = line(all, x, y);
    put(stroke, "d", path);
    put(area, "d", filled(all, x, y, height));
  }
  return { node, draw };
}

/** The area below a line, for each stretch without a gap. */
function filled(values, x, y, floor) {
  let path = "";
  let from = null;
  for (let place = 0; place <= values.length; place += 1) {
    const value = values[place] ?? null;
    if (value !== null && from === null) {
      from = place;
      path += `M${x(place).toFixed(1)} ${floor}`;
    }
    if (value !== null) path += `L${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    if (value === null && from !== null) {
      path += `L${x(place - 1).toFixed(1)} ${floor}Z`;
      from = null;
    }
  }
  return path;
}

const HEIGHT = 150;
const LEFT = 4;
const RIGHT = 4;
const TOP = 20;
const BOTTOM = 20;

/** Seconds from one time below a chart to the next. */
const TIMES = [10, 30, 60, 300, 1800, 3600, 21600];

/**
 * A chart with axes. `lines` are its series: `{ name, column, low }`, of which the second is dashed. `write`
 * makes a text of a number, which `isWhole` if it counts things. `onpoint(place)` hears which of the `length` points is pointed at, or null.
 */
export function chart({ title, lines, write, isWhole, onpoint }) {
  const grid = svg("g", { class: "grid" });
  const words = svg("g", { class: "grid" });
  const strokes = lines.map((_, place) => svg("path", { class: `line line-${place + 1}` }));
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
  const canvas = svg("svg", { class: "chart-canvas", "aria-hidden": "true" }, grid, ...strokes, words, cursor);
  const readouts = lines.map((it, place) => {
    const value = el("b");
    const key = svg("svg", { class: "key", viewBox: "0 0 18 6", "aria-hidden": "true" });
    key.append(svg("path", { class: `line line-${place + 1}`, d: "M1 3H17" }));
    const label = lines.length > 1 ? [key, `${it.name} `] : [];
    return { node: el("span", { class: "readout" }, ...label, value), value };
  });
  const when = el("span", { class: "when" });
  const node = el(
    "figure",
    { class: "chart" },
    el("figcaption", {}, el("span", { class: "title" }, title), ...readouts.map((it) => it.node), when),
    canvas,
  );
  let shown = null;

  function draw(history) {
    const width = Math.max(200, Math.round(canvas.clientWidth || 480));
    const columns = lines.map((it) => history.columns[it.column] ?? []);
    const length = columns[0].length;
    const most = roundUp(Math.max(...columns.map(peak)), isWhole);
    const inner = width - LEFT - RIGHT;
    const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM);
    put(canvas, "viewBox", `0 0 ${width} ${HEIGHT}`);
    lines.forEach((it, place) => {
      const points = thinned(columns[place], inner, it.low);
      const x = (index) => LEFT + (points.length > 1 ? (index * inner) / (points.length - 1) : inner);
      put(strokes[place], "d", line(points, x, y));
    });
    shown = { history, columns, width, inner, length };
    axes(grid, words, { history, length, width, inner, most, y, write });
    point(null);
  }

  /** Shows the numbers at `place`, or the newest ones. */
  function point(place) {
    if (!shown) return;
    const { history, columns, length, inner } = shown;
    const index = place === null ? newest(columns[0]) : Math.min(place, length - 1);
    readouts.forEach((it, series) => say(it.value, write(columns[series][index] ?? null)));
    const time = new Date(Date.parse(history.from) + index * history.step_seconds * 1000);
    say(when, place === null ? "" : clock(time, history.step_seconds < 60));
    put(cursor, "class", place === null ? "cursor is-off" : "cursor");
    const x = LEFT + (length > 1 ? (index * inner) / (length - 1) : 0);
    put(cursor, "x1", x);
    put(cursor, "x2", x);
  }

  function pointed(event) {
    if (!shown) return;
    const box = canvas.getBoundingClientRect();
    const part = ((event.clientX - box.left) / box.width) * shown.width - LEFT;
    const place = Math.round((part / shown.inner) * (shown.length - 1));
    onpoint(Math.min(Math.max(place, 0), shown.length - 1));
  }
  canvas.addEventListener("pointermove", pointed);
  canvas.addEventListener("pointerdown", pointed);
  canvas.addEventListener("pointerleave", () => onpoint(null));
  return { node, draw, point };
}

function newest(values) {
  for (let place = values.length - 1; place >= 0; place -= 1) if (values[place] !== null) return place;
  return Math.max(0, values.length - 1);
}

/** Two lines across with their numbers, and times below. */
function axes(grid, words, { history, length, width, inner, most, y, write }) {
  const marks = [];
  const texts = [];
  for (const value of [0, most / 2, most]) {
    const at = y(value);
    marks.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
    if (value > 0) texts.push(svg("text", { x: LEFT, y: at - 4 }, write(value).replace(/\.0(?!\d)/, "")));
  }
  const begin = Date.parse(history.from) / 1000;
  const step = history.step_seconds;
  const every = TIMES.find((it) => (length * step) / it <= 5) ?? TIMES.at(-1);
  const shift = new Date(begin * 1000).getTimezoneOffset() * 60;
  const first = Math.ceil((begin - shift) / every) * every + shift;
  for (let time = first; time <= begin + (length - 1) * step; time += every) {
    const x = LEFT + (((time - begin) / step) * inner) / Math.max(1, length - 1);
    marks.push(svg("line", { x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }));
    const anchor = x < 24 ? "start" : x > width - 24 ? "end" : "middle";
    texts.push(svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, clock(new Date(time * 1000), every < 60)));
  }
  grid.replaceChildren(...marks);
  words.replaceChildren(...texts);
}
