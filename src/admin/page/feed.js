// Server-sent events of any kind. An EventSource wants the kinds by name beforehand, and does not tell why it
// was refused.

import { Refused } from "./api.js";

/** Calls `take` with the data of each event, until the stream ends or `signal` ends it. */
export async function feed(path, signal, take) {
  const answer = await fetch(path, { signal, cache: "no-store" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? `${answer.status} ${answer.statusText}`);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const isWhole = value.includes("\n\n") || (rest.endsWith("\n") && value.startsWith("\n"));
    rest += value;
    if (!isWhole) continue;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const lines = event.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length > 0) take(JSON.parse(lines.map((line) => line.slice(5)).join("\n")));
    }
  }
}
