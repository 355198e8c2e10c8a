// A shape for each state, so that no state is told by its colour alone.

import { svg } from "./dom.js";

const SHAPES = {
  up: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z",
  good: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z",
  down: "M4.2 2.8 8 6.6l3.8-3.8 1.4 1.4L9.4 8l3.8 3.8-1.4 1.4L8 9.4l-3.8 3.8-1.4-1.4L6.600 8 2.800 4.200z",
  bad: "M5.200 1.500h5.600l3.700 3.700v5.600l-3.700 3.700H5.200l-3.700-3.700V5.200z",
  ejected: "M8 1.500 15 14H1zM8 5.500 4.400 12h7.200z",
  warning: "M8 1.500 15 14H1z",
  drain: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12zM8 3.800v8.400a4.200 4.200 0 0 1 0-8.400z",
  maint: "M2.500 2.500h11v11h-11zM4.500 4.500v7h7v-7z",
};

/** The shape of a state or of a level; a state that is not known is a ring. */
export function glyph(state) {
  const path = SHAPES[state] ?? "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12zM8 4a4 4 0 1 1 0 8a4 4 0 1 1 0-8z";
  const shape = svg("path", { d: path, "fill-rule": "evenodd" });
  return svg("svg", { class: `glyph is-${state}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, shape);
}

/** Puts the shape of `state` into `place`, unless it is there. */
export function show(place, state) {
  if (place.dataset.glyph === state) return;
  place.dataset.glyph = state;
  place.replaceChildren(glyph(state));
}
