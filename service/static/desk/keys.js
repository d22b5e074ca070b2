// The keys: one table from act to key, read from the help that the page prints, so that the two cannot differ.
// Nothing is bound to Ctrl, Alt or Meta, and nothing while somebody writes.

import { say } from "./say.js";

const help = document.getElementById("help");
const single = document.body.dataset.singleKeys !== "off";
const handlers = new Map();
let choosing = null;

const table = () => [...help.querySelectorAll("[data-act][data-key]")].map((each) => each.dataset);

/** Bind acts of a screen: `{act: function}`. */
export function bind(acts, where = "everywhere") {
  for (const each of table()) {
    if (acts[each.act] && (each.where === where || each.where === "everywhere")) handlers.set(each.key, acts[each.act]);
  }
}

/** Wait for one more key; `take(key)` answers false for a key that means nothing. Escape leaves. */
export function choose(prompt, take) {
  choosing = take;
  say(prompt, { keep: true });
}

function isWriting(target) {
  return target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape" && isWriting(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (isWriting(event.target) || document.querySelector("dialog[open]") || event.key === "Shift") return;
  if (choosing) {
    const take = choosing;
    choosing = null;
    event.preventDefault();
    say("");
    if (event.key !== "Escape" && take(event.key) === false) choosing = null;
    return;
  }
  if (!single) return;
  const act = handlers.get(event.key);
  if (!act) return;
  event.preventDefault();
  act(event);
});

/** Open the help. */
export function showHelp() {
  help.showModal();
}
