// Columns of numbers over time. Pure.

/** The columns of a history, and where an overview has the same number. */
export const COLUMNS = [
  ["sessions", (totals) => totals.sessions],
  ["connections_per_second", (totals) => totals.connections_per_second],
  ["bytes_in_per_second", (totals) => totals.bytes_in_per_second],
  ["bytes_out_per_second", (totals) => totals.bytes_out_per_second],
  ["errors_per_second", (totals) => totals.errors_per_second],
  ["connect_p50_ms", (totals) => totals.connect_p50_ms],
  ["connect_p99_ms", (totals) => totals.connect_p99_ms],
  ["backends_up", (totals) => totals.backends_up],
];

/** Points of a quarter of an hour, by the second. */
export const QUARTER_POINTS = 900;

/** Rates are those of the last five seconds: so many seconds may be missed, and the next number is theirs too. */
const MISSED = 3;

/** A history by the second, with one overview more; null where it has to be asked for anew, as after a step of the clock. */
export function extend(history, overview) {
  if (history === null) return null;
  const end = lastTime(history);
  const at = Date.parse(overview.at);
  const steps = Math.round((at - end) / 1000);
  if (steps < -MISSED || steps > QUARTER_POINTS) return null;
  if (steps < 1) return history;
  const columns = {};
  const dropped = Math.max(0, history.columns.sessions.length + steps - QUARTER_POINTS);
  for (const [name, pick] of COLUMNS) {
    const gap = new Array(steps - 1).fill(steps > MISSED ? null : pick(overview.totals));
    columns[name] = [...(history.columns[name] ?? []), ...gap, pick(overview.totals)].slice(dropped);
  }
  const from = new Date(Date.parse(history.from) + dropped * 1000).toISOString();
  return { step_seconds: 1, from, columns };
}

/** When the last point of a history was taken, in milliseconds. */
export function lastTime(history) {
  const points = history.columns.sessions.length;
  return Date.parse(history.from) + (points - 1) * history.step_seconds * 1000;
}

/**
 * At most `most` points of `values`. Of several that become one, that which stands out stays: the largest, or
 * with `low` the smallest.
 */
export function thinned(values, most, low = false) {
  if (values.length <= most) return values;
  const picked = [];
  for (let place = 0; place < most; place += 1) {
    const from = Math.floor((place * values.length) / most);
    const to = Math.floor(((place + 1) * values.length) / most);
    let best = null;
    for (let index = from; index < to; index += 1) {
      const value = values[index];
      if (value === null) continue;
      if (best === null || (low ? value < best : value > best)) best = value;
    }
    picked.push(best);
  }
  return picked;
}

/** The largest number, or 0. */
export const peak = (values) => values.reduce((most, value) => Math.max(most, value ?? 0), 0);

/** The next round number: 1, 2, 2.5 or 5 times a power of ten; with `isWhole` an even one. */
export function roundUp(number, isWhole = false) {
  if (isWhole) return Math.max(2, 2 * Math.ceil(roundUp(number) / 2));
  if (number <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(number));
  const step = [1, 2, 2.5, 5, 10].find((it) => it * power >= number * (1 - 1e-9));
  return step * power;
}
