// The last checks of a backend as a strip: a short bar for one that passed, a full one for one that failed.

import { el, put, say, svg } from "./dom.js";
import { moment, ms } from "./format.js";

const MOST = 60;
const STEP = 3;
const HEIGHT = 18;

/** A strip; what is returned with it brings it up to date. */
export function strip() {
  const passed = svg("path", { class: "check-passed" });
  const failed = svg("path", { class: "check-failed" });
  const image = svg("svg", { class: "checks", viewBox: `0 0 ${MOST * STEP} ${HEIGHT}`, preserveAspectRatio: "xMinYMax", role: "img" }, passed, failed);
  const last = el("span", { class: "sub" });
  const node = el("div", { class: "check-cell" }, image, last);
  function update(backend, now) {
    const checks = backend.checks.slice(-MOST);
    const paths = { true: "", false: "" };
    checks.forEach((check, place) => {
      const x = (MOST - checks.length + place) * STEP;
      const height = check.passed ? 8 : HEIGHT;
      paths[check.passed] += `M${x} ${HEIGHT}v${-height}h2v${height}z`;
    });
    put(passed, "d", paths.true);
    put(failed, "d", paths.false);
    const good = checks.filter((check) => check.passed).length;
    put(image, "aria-label", checks.length === 0 ? "no checks yet" : `${good} of the last ${checks.length} checks passed`);
    say(last, summary(backend.last_check, now));
  }
  return { node, update };
}

function summary(check, now) {
  if (!check) return "no check yet";
  const text = `${check.result} ${moment(check.at, now)} in ${ms(check.duration_ms)}`;
  return check.result === "passed" ? text : `${text}: ${check.detail}`;
}
