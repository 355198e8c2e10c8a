// What stands on top: who this is, the one sentence that says how things are, and whether the page is live.

import { el, put, say } from "./dom.js";
import { clock, localTimes, span } from "./format.js";
import { show } from "./glyphs.js";
import { now, state } from "./state.js";

const LEVELS = { good: "All is well", warning: "Look at this", bad: "This is bad" };

/** Fills the header; what is returned brings it up to date. */
export function header({ about, banner, sentence }) {
  const mark = el("span", { class: "level" });
  const level = el("span", { class: "hidden" });
  const text = el("span", { class: "sentence-text" });
  let loaded = null;
  return () => {
    const { overview } = state;
    tellLink(banner, state, loaded);
    if (!overview) return;
    loaded ??= overview.version;
    if (!mark.isConnected) sentence.replaceChildren(mark, level, text);
    show(mark, overview.sentence.level);
    say(level, `${LEVELS[overview.sentence.level] ?? ""}: `);
    say(text, localTimes(overview.sentence.text, now()));
    put(sentence, "data-level", state.link === "lost" ? "stale" : overview.sentence.level);
    const version = overview.version.split(" ")[0];
    say(about, `${version}, up ${span(overview.uptime_seconds)}, ${clock(now())}`);
    put(about, "title", overview.version);
    document.title = `${overview.sentence.level === "good" ? "" : "! "}l4lb: ${overview.totals.backends_up} of ${overview.totals.backends} up`;
  };
}

function tellLink(banner, { link, heard, why, overview }, loaded) {
  const isOther = loaded !== null && overview?.version !== loaded;
  if (link === "lost") {
    const text = heard ? `No answer since ${clock(heard)}; trying again.` : "No answer yet; trying again.";
    say(banner, why ? `${text} Refused: ${why}.` : text);
  } else if (isOther) {
    say(banner, "l4lb has another version now: reload this page.");
  }
  banner.hidden = link !== "lost" && !isOther;
  document.documentElement.dataset.link = link;
}
