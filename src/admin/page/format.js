// Numbers and times as people read them. Pure. Sizes and spans are written as the commands of l4lb write them.

/** What stands where there is nothing to say. */
export const NOTHING = "–";

const grouped = new Intl.NumberFormat("en");

/** `40,213`. */
export const count = (number) => grouped.format(number);

/** Three digits or so: `0`, `0.25`, `12.3`, `480`, `12,345`. */
export function rate(number) {
  if (number === null || number === undefined) return NOTHING;
  if (number === 0) return "0";
  if (number < 0.01) return "<0.01";
  if (number < 1) return String(Number(number.toFixed(2)));
  if (number < 100) return number.toFixed(1);
  return grouped.format(Math.round(number));
}

function scaled(number, base, units, gap) {
  let place = 0;
  while (number >= base && place < units.length - 1) {
    number /= base;
    place += 1;
  }
  const cut = place > 0 && number < 10 ? Math.floor(number * 10) / 10 : Math.floor(number);
  const text = place > 0 && number < 10 ? cut.toFixed(1) : String(cut);
  return `${text}${gap}${units[place]}`;
}

/** Bytes a second as `1.2 Mbit/s`. */
export function bits(bytes) {
  if (bytes === null || bytes === undefined) return NOTHING;
  return scaled(bytes * 8, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"], " ");
}

/** `512 B`, `1.5 KiB`. */
export const bytes = (number) => scaled(number, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], " ");

/** Milliseconds: `0.42 ms`, `12 ms`, `1.2 s`. */
export function ms(number) {
  if (number === null || number === undefined) return NOTHING;
  if (number >= 1000) return `${(number / 1000).toFixed(number < 10000 ? 1 : 0)} s`;
  if (number >= 10) return `${Math.round(number)} ms`;
  return `${number.toFixed(number < 1 ? 2 : 1)} ms`;
}

/** A part of a whole: `33 %`. */
export function percent(part) {
  if (part === null || part === undefined) return NOTHING;
  const of100 = part * 100;
  return `${of100 > 0 && of100 < 1 ? "<1" : Math.round(of100)} %`;
}

/** The two largest units: `12s`, `3m05s`, `2h00m`, `3d04h`. */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

/** `12:20:02`, where this page is read. */
export function clock(date, withSeconds = true) {
  const two = (number) => String(number).padStart(2, "0");
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return withSeconds ? `${text}:${two(date.getSeconds())}` : text;
}

/** `12:20:02`, with the day where that is not today. */
export function moment(text, now) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  if (now - date < 86400000 && now.getDate() === date.getDate()) return clock(date);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")} ${clock(date)}`;
}

/** A sentence whose times of day in UTC (`12:20:02Z`) become those of whoever reads it. */
export function localTimes(text, now) {
  return text.replace(/\b(\d\d):(\d\d):(\d\d)Z/g, (_, h, m, s) => {
    const date = new Date(now);
    date.setUTCHours(h, m, s, 0);
    return clock(date);
  });
}

/** `1 session`, `2 sessions`. */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** `b1`, `b1 and b3`, `b1, b2 and b3`, `b1, b2 and 7 others`. */
export function list(names, most = 3) {
  if (names.length === 0) return "nobody";
  if (names.length === 1) return names[0];
  if (names.length <= most) return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return `${names.slice(0, most - 1).join(", ")} and ${count(names.length - most + 1)} others`;
}
