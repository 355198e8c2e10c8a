// What an operator does from this page: each act says its effect before, and is done only then.

import { Refused, changeBackend, keepToken, kill as killNow, token } from "./api.js";
import { effect } from "./capacity.js";
import { ask } from "./dialog.js";
import { el, say } from "./dom.js";
import { bytes, span } from "./format.js";
import { change, state } from "./state.js";

/** Whether writes can be done: without a token, or with the one that was given. */
export function mayWrite() {
  const may = state.overview?.capabilities;
  return Boolean(may) && (may.writes || token() !== null);
}

/** Whether a token would help. */
export const needsToken = () => Boolean(state.overview?.capabilities.token_required);

/** Asks for the token, which is kept until the tab is closed. */
export function askForToken(why) {
  const input = el("input", { type: "password", id: "token-input", autocomplete: "off", spellcheck: "false", required: true });
  const body = [
    el("p", {}, why ?? "Changes need the token that l4lb was given with token_file."),
    el("label", { for: "token-input" }, "Token"),
    input,
    el("p", { class: "hint" }, "It is kept until this tab is closed, and sent to this l4lb alone."),
  ];
  const act = async () => {
    keepToken(input.value.trim());
    change({});
  };
  return ask({ title: "Unlock changes", body, confirm: "Unlock", act });
}

/** Forgets the token. */
export function lock() {
  keepToken(null);
  change({});
}

/** Does what needs a token. One that is not the right one is forgotten, and the reason stays on the screen. */
async function write(act) {
  try {
    return await act();
  } catch (failure) {
    if (failure instanceof Refused && failure.status === 401) {
      const detail = token() ? "This is not the token: unlock changes again with the right one." : failure.message;
      lock();
      throw new Refused(401, detail);
    }
    throw failure;
  }
}

const STATES = [
  ["ready", "Ready", "sessions as its checks allow"],
  ["drain", "Drain", "no new sessions, those it has go on"],
  ["maint", "Maintenance", "no new sessions and no checks"],
];

/** What an operator wants of a backend now, as far as its state tells. */
const orderOf = (backend) => (["drain", "maint"].includes(backend.state) ? backend.state : "ready");

/** Changes the state or the weight of a backend, in a dialog that says what that does. */
export async function changeDialog(backend, wanted) {
  const pool = state.overview.pools.find((it) => it.name === backend.pool);
  const was = orderOf(backend);
  const radios = STATES.map(([value, name, hint]) => {
    const radio = el("input", { type: "radio", name: "state", value, checked: value === (wanted ?? was), autofocus: value === (wanted ?? was) });
    return { radio, node: el("label", { class: "choice" }, radio, el("span", {}, el("b", {}, name), ` ${hint}`)) };
  });
  const weight = el("input", { type: "number", id: "weight-input", min: 0, max: 65535, step: 1, required: true, value: backend.weight });
  const says = el("div", { class: "effect", role: "status" });
  const asked = () => {
    const picked = radios.find((it) => it.radio.checked).radio.value;
    const number = weight.valueAsNumber;
    return {
      ...(picked === was ? {} : { state: picked }),
      ...(number === backend.weight || !weight.checkValidity() ? {} : { weight: number }),
    };
  };
  const tell = () => {
    const wants = asked();
    const sentences = Object.keys(wants).length > 0 ? effect(pool, backend, wants).sentences : ["Nothing changes."];
    const lines = sentences.map((text) => el("p", {}, text));
    says.replaceChildren(...lines);
  };
  const body = [
    el("fieldset", {}, el("legend", {}, "State"), ...radios.map((it) => it.node)),
    el("p", { class: "field" }, el("label", { for: "weight-input" }, "Weight"), weight, el("span", { class: "hint" }, "0 to 65535; 0 gets no new sessions")),
    says,
  ];
  for (const node of body) node.addEventListener("input", tell);
  tell();
  return ask({
    title: `Change ${backend.pool}/${backend.name}`,
    body,
    confirm: "Apply",
    isGrave: () => Object.keys(asked()).length > 0 && effect(pool, backend, asked()).isGrave,
    act: async () => {
      if (Object.keys(asked()).length > 0) await write(() => changeBackend(backend, asked()));
    },
  });
}

/** Ends a connection, in a dialog that says which one. */
export function killDialog(connection) {
  const moved = bytes(connection.bytes_in + connection.bytes_out);
  const where = connection.backend === null ? `${connection.pool}, in line` : `${connection.pool}/${connection.backend}`;
  const text = `Ends connection ${connection.id} of ${connection.client} with ${where} by a reset. It is ${span(connection.age_seconds)} old, and ${moved} have gone through it.`;
  return ask({
    title: `Kill ${connection.id}`,
    body: [el("p", { class: "effect" }, text)],
    confirm: "Kill",
    isGrave: () => true,
    act: () => write(() => killNow(connection.id)),
  });
}

/** Why there is nothing to press, or null. */
export function readOnlyBecause() {
  if (mayWrite()) return null;
  return needsToken() ? "Read-only until you unlock changes with the token." : "Read-only.";
}

/** Keeps the button of the token up to date. */
export function tokenButton(button) {
  button.addEventListener("click", () => (token() ? lock() : askForToken()));
  return () => {
    button.hidden = !needsToken();
    say(button, token() ? "Lock changes" : "Unlock changes");
  };
}
