// Requests to the admin API. The token lives as long as the tab, and is sent with writes alone.

const TOKEN = "l4lb-token";

/** Why something was not done, in the API's own words. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(TOKEN);

export function keepToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

async function exchange(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && token()) headers.Authorization = `Bearer ${token()}`;
  const request = { method, headers, cache: "no-store", body: body && JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Refused(0, "l4lb does not answer");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.detail ?? `${answer.status} ${answer.statusText}`);
}

export const read = (path) => exchange("GET", path);

/** The path of a backend. */
const backendPath = ({ pool, name }) =>
  `/v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(name)}`;

/** Gives a backend another weight, another state, or both. */
export const changeBackend = (backend, change) => exchange("PATCH", backendPath(backend), change);

/** Ends a connection by a reset. */
export const kill = (id) => exchange("DELETE", `/v1/connections/${encodeURIComponent(id)}`);
