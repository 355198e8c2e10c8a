// Where the clients of a listener go: its pool, and those of its routes. Pure.

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
