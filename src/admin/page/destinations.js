// Where the clients of listeners go: their pools, and those of their routes. Pure.

const NOBODY = "-";

/** What a route asks for: `shop.example, *.shop.example (h2)`. */
function asked({ sni, alpn }) {
  const names = sni.length > 0 ? sni.join(", ") : "any name";
  return alpn.length > 0 ? `${names} (${alpn.join(", ")})` : names;
}

/** Its pools, each once, with what brings clients there: nothing, where all go to the one pool. */
export function destinations(listener) {
  const routes = listener.routes ?? [];
  const pools = new Map();
  const lead = (pool, why) => pools.set(pool, [...(pools.get(pool) ?? []), ...why]);
  for (const route of routes) lead(route.pool, [asked(route)]);
  if (listener.pool !== NOBODY) lead(listener.pool, routes.length > 0 ? ["all others"] : []);
  return [...pools].map(([pool, names]) => ({ pool, names }));
}

/** Of each pool's traffic what does not come from listeners that have this pool alone. */
function shared(listeners, pools) {
  const rest = new Map(pools.map((it) => [it.key, it.value]));
  for (const { ways, value } of listeners) {
    if (ways.length === 1) rest.set(ways[0].pool, Math.max(0, rest.get(ways[0].pool) - value));
  }
  return rest;
}

/**
 * The ways from a listener, in the order of the pools, so that they do not cross. What it has to do with each of
 * several pools is not counted: its traffic is drawn in proportion to what these pools `rest` with.
 */
function towards(from, pools, rest) {
  const ways = pools.flatMap((to) => from.ways.filter((it) => it.pool === to.key).map(({ names }) => ({ from, to, names })));
  const all = ways.reduce((sum, it) => sum + rest.get(it.to.key), 0);
  const part = (it) => (all > 0 ? rest.get(it.to.key) / all : 0);
  return ways.map((it) => ({ ...it, value: ways.length === 1 ? from.value : from.value * part(it) }));
}

/** All ways from listeners, which know their `ways` and their traffic as `value`, to pools. */
export function edges(listeners, pools) {
  const rest = shared(listeners, pools);
  return listeners.flatMap((it) => towards(it, pools, rest));
}
