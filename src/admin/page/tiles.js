// What is looked at first: eight numbers, each with its last quarter of an hour.

import { el, say } from "./dom.js";
import { bits, count, ms, percent, rate } from "./format.js";
import { sparkline } from "./chart.js";
import { address } from "./route.js";

/** A line is never stretched further than a minute of points. */
const LEAST_POINTS = 60;

const TILES = [
  {
    name: "Sessions",
    column: "sessions",
    value: (totals) => count(totals.sessions),
    note: (totals) => `${percent(totals.sessions / totals.sessions_limit)} of ${count(totals.sessions_limit)}`,
  },
  {
    name: "Connections",
    column: "connections_per_second",
    value: (totals) => `${rate(totals.connections_per_second)} /s`,
    note: (_, counters) => `${count(counters.connections_total)} since the start`,
  },
  {
    name: "From clients",
    column: "bytes_in_per_second",
    value: (totals) => bits(totals.bytes_in_per_second),
    note: (_, counters) => `${count(counters.bytes_in_total)} bytes in all`,
  },
  {
    name: "From backends",
    column: "bytes_out_per_second",
    value: (totals) => bits(totals.bytes_out_per_second),
    note: (_, counters) => `${count(counters.bytes_out_total)} bytes in all`,
  },
  {
    name: "Errors",
    column: "errors_per_second",
    value: (totals) => `${rate(totals.errors_per_second)} /s`,
    note: (_, counters) => `${count(counters.errors_total)} since the start`,
  },
  {
    name: "Connect time, p50",
    column: "connect_p50_ms",
    value: (totals) => ms(totals.connect_p50_ms),
    note: () => "half of the last minute's",
  },
  {
    name: "Connect time, p99",
    column: "connect_p99_ms",
    value: (totals) => ms(totals.connect_p99_ms),
    note: () => "99 % of the last minute's",
  },
  {
    name: "Backends up",
    column: "backends_up",
    low: true,
    value: (totals) => `${count(totals.backends_up)} of ${count(totals.backends)}`,
    note: (totals) => (totals.backends_up < totals.backends ? `${count(totals.backends - totals.backends_up)} not up` : "all of them"),
  },
];

/** Fills `place`; what is returned brings it up to date. */
export function tiles(place) {
  const made = TILES.map((tile) => {
    const value = el("b", { class: "tile-value" });
    const note = el("span", { class: "tile-note" });
    const spark = sparkline();
    const node = el(
      "a",
      { class: "tile", href: address({ tab: "charts" }), "data-tile": tile.column },
      el("span", { class: "tile-name" }, tile.name),
      value,
      note,
      spark.node,
    );
    return { tile, value, note, spark, node };
  });
  place.replaceChildren(...made.map((it) => it.node));
  return ({ overview, recent }) => {
    if (!overview) return;
    for (const { tile, value, note, spark } of made) {
      say(value, tile.value(overview.totals));
      say(note, tile.note(overview.totals, overview.counters));
      spark.draw(recent?.columns[tile.column] ?? [], LEAST_POINTS, tile.low);
    }
  };
}
