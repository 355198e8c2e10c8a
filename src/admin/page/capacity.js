// What a change would do to a pool, by the weights of its backends. Pure.

import { list, percent, plural } from "./format.js";

/**
 * What may get new sessions: backups only while nobody else may, and those that are down only while nobody is up
 * and the pool says so.
 */
export function eligible(backends, allDown) {
  const able = (states) => {
    const all = backends.filter((it) => states.includes(it.state) && it.weight > 0);
    const regular = all.filter((it) => !it.backup);
    return regular.length > 0 ? regular : all;
  };
  const up = able(["up"]);
  return up.length > 0 || allDown !== "try-all" ? up : able(["up", "down", "ejected"]);
}

const weights = (backends) => backends.reduce((sum, it) => sum + it.weight, 0);

/** The part of new connections that each eligible backend should get, by name. */
export function shares(backends, allDown) {
  const able = eligible(backends, allDown);
  const all = weights(able);
  return new Map(able.map((it) => [it.name, it.weight / all]));
}

/** The backends of the pool, of which `backend` has the state and the weight of `change`. */
function changed(backends, backend, { state, weight }) {
  // An operator's "ready" is "up" as far as its weight goes: whether it is up is for its checks to say.
  const then = { ...backend, state: state === "ready" ? "up" : (state ?? backend.state), weight: weight ?? backend.weight };
  return backends.map((it) => (it.name === backend.name ? then : it));
}

/**
 * Sentences that say what a change of `backend` does to its pool. The first one is the effect on capacity, and
 * `isGrave` says that nobody would be left.
 */
export function effect(pool, backend, change) {
  const before = shares(pool.backends, pool.all_down);
  const after = shares(changed(pool.backends, backend, change), pool.all_down);
  const [had, has] = [before.get(backend.name) ?? 0, after.get(backend.name) ?? 0];
  const others = [...after.keys()].filter((name) => name !== backend.name);
  const sentences = [];
  if (after.size === 0) {
    sentences.push(`Nobody in pool ${pool.name} would get new sessions: new clients would be turned away.`);
  } else if (has === 0 && had > 0) {
    sentences.push(`Removes ${percent(had)} of the capacity of pool ${pool.name}; ${list(others)} would get all new sessions.`);
  } else if (had === 0 && has > 0) {
    sentences.push(`Gives ${backend.name} ${percent(has)} of the new sessions of pool ${pool.name}, once its checks allow it.`);
  } else if (has !== had) {
    sentences.push(`${backend.name} would get ${percent(has)} of the new sessions of pool ${pool.name}; now it is due ${percent(had)}.`);
  } else {
    sentences.push(`The capacity of pool ${pool.name} stays the same.`);
  }
  const ends = change.state === "drain" || change.state === "maint" || (has === 0 && had > 0);
  if (ends) {
    const active = backend.connections_active;
    sentences.push(active === 0 ? "It has no sessions." : `${plural(active, "session")} ${active === 1 ? "goes" : "go"} on until ${active === 1 ? "it ends" : "they end"}.`);
  }
  if (change.state === "maint") sentences.push("It is not checked until it is ready again.");
  if (change.state === "drain") sentences.push("It is checked on.");
  return { sentences, isGrave: after.size === 0 };
}
