// The keys: one table from act to key, read from the help that the page prints, so that the two cannot differ.
// Nothing is bound to Ctrl, Alt or Meta, and nothing while somebody writes.

import { say } from "./say.js";

const help = document.getElementById("help");
const single = document.body.dataset.singleKeys !== "off";
const handlers = new Map();
let choosing = null;
let early = null;

const table = () => [...help.querySelectorAll("[data-act][data-key]")].map((each) => each.dataset);

/** Bind acts of a screen: `{act: function}`. */
export function bind(acts, where = "everywhere") {
  for (const each of table()) {
    if (acts[each.act] && (each.where === where || each.where === "everywhere")) handlers.set(each.key, acts[each.act]);
  }
}

/** Wait for one more key, which `take(key)` gets. Escape leaves. */
export function choose(prompt, take) {
  choosing = take;
  say(prompt, { keep: true });
}

function isWriting(target) {
  return target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (early) {
    // The act of the key before is still on its way to the screen: this one is kept for then.
    if (event.key.length === 1 || event.key === "Enter") {
      event.preventDefault();
      early.push(event.key);
    }
    return;
  }
  if (event.key === "Escape" && isWriting(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  if (isWriting(event.target) || document.querySelector("dialog[open]") || event.key === "Shift") return;
  if (press(event.key)) event.preventDefault();
});

function press(key) {
  if (choosing) {
    const take = choosing;
    choosing = null;
    say("");
    if (key !== "Escape") settle(take(key));
    return true;
  }
  const act = single && handlers.get(key);
  if (act) settle(act());
  return Boolean(act);
}

/** Keep the keys that come until an act is on the screen; then they go where they would have gone. */
async function settle(outcome) {
  if (!(outcome instanceof Promise)) return;
  const kept = [];
  early = kept;
  await outcome.catch((error) => console.error(error));
  early = null;
  for (const [at, key] of kept.entries()) {
    if (early) early.push(...kept.slice(at));
    if (early) return;
    replay(key);
  }
}

function replay(key) {
  const target = document.activeElement;
  if (key === "Enter" && !choosing) {
    if (target.form && !target.matches("button")) target.form.requestSubmit();
    else target.click();
  } else if (isWriting(target) && target.setRangeText) {
    target.setRangeText(key, target.selectionStart, target.selectionEnd, "end");
    target.dispatchEvent(new InputEvent("input", { bubbles: true }));
  } else {
    press(key);
  }
}

/** Open the help. */
export function showHelp() {
  help.showModal();
}
