// One dialog at a time, which the browser keeps the focus in. Escape closes it and nothing is done.

import { el } from "./dom.js";

/**
 * Shows a dialog. `confirm` is the word on the button that does it and `act` what it does; when that fails the
 * reason is shown and the dialog stays. Resolves to whether it was done.
 */
export function ask({ title, body, confirm, isGrave = () => false, act }) {
  return new Promise((resolve) => {
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const yes = el("button", { type: "submit", class: "primary" }, confirm);
    const no = el("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = el("form", {}, el("h2", {}, title), ...body, problem, el("p", { class: "buttons" }, no, yes));
    const dialog = el("dialog", { "aria-label": title }, form);
    let isDone = false;
    const judge = () => yes.classList.toggle("grave", isGrave());
    form.addEventListener("input", judge);
    judge();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (yes.disabled) return;
      yes.disabled = true;
      try {
        await act();
        isDone = true;
        dialog.close();
      } catch (failure) {
        problem.textContent = failure.message;
        problem.hidden = false;
        yes.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
