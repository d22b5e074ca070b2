// The edition: going through the items, their order by key and by hand, their words, and what changes in public.

import { actOf, perform } from "./acts.js";
import { piece } from "./api.js";
import { ask } from "./ask.js";
import { inverseOf, onItem } from "./inverse.js";
import { bind } from "./keys.js";
import { followWords } from "./mirror.js";
import { say } from "./say.js";
import { isHeld, readVersions } from "./versions.js";
import { word } from "./words.js";

const edition = () => document.querySelector(".edition");
const items = () => [...document.querySelectorAll("#items > .item")];
const current = () => document.activeElement?.closest(".item") ?? document.querySelector("#items > .item[aria-current]");

function select(item) {
  if (!item) return;
  for (const each of items()) each.removeAttribute("aria-current");
  item.setAttribute("aria-current", "true");
  item.scrollIntoView({ block: "nearest" });
  item.querySelector("h2").focus({ preventScroll: true });
}

function go(step) {
  const all = items();
  const at = all.indexOf(current());
  select(all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + step))]);
}

/** Give an item another place: at once on the screen, then to the API. */
async function moveTo(item, position) {
  const all = items();
  const from = all.indexOf(item) + 1;
  if (edition().dataset.state !== "open" || position < 1 || position > all.length || position === from) return;
  const day = edition().dataset.day;
  const act = onItem("move", { story: item.dataset.story }, day, "POST", `/${item.dataset.story}/move`, { position });
  const inverse = inverseOf(act, { dataset: { position: String(from) } });
  const rest = all.filter((each) => each !== item);
  rest.splice(position - 1, 0, item);
  document.getElementById("items").append(...rest);
  number();
  select(item);
  const answer = await perform(act, { inverse, silent: true });
  if (answer.kind === "done") say(word("moved", { place: position }));
}

function number() {
  items().forEach((each, at) => (each.querySelector(".position").textContent = at + 1));
}

/** A form of the screen was sent. */
export async function sent(form, submitter) {
  const item = form.closest(".item");
  const act = actOf(form, submitter);
  form.dataset.sent = "yes";
  const was = item && { dataset: { ...item.dataset, position: item.querySelector(".position").textContent, day: act.day ?? edition().dataset.day } };
  return perform(act, { inverse: inverseOf(act, was, form) });
}

function follow(name) {
  return () => {
    const scope = name === "close" ? document : current() ?? items()[0];
    const link = scope?.querySelector(`[data-do="${name}"]`);
    return link ? ask(link.getAttribute("href")) : null;
  };
}

function openWords() {
  const edit = current()?.querySelector("details.edit");
  if (!edit) return;
  edit.open = true;
  edit.querySelector("input[name=headline]").focus();
}

/** Whether an act on the list waits, or somebody is writing in it. */
function isBusy() {
  const fields = edition().querySelectorAll("input:not([type=hidden]), textarea");
  const writing = [...fields].some((each) => each.value !== each.defaultValue && !each.form.dataset.sent);
  // A field that has the focus is about to be written in; without it, the next letters would be keys.
  return writing || document.activeElement?.matches("input, textarea, select") || isHeld(`edition:${edition().dataset.day}`);
}

let late = false;

/** Show the list as it is now; what is being written and the place of reading stay. */
export async function refreshEdition() {
  if (!edition()) return;
  late = isBusy();
  if (late) return;
  const fresh = await piece(location.pathname, ".edition");
  late = isBusy();
  if (!fresh || late) return;
  const chosen = current()?.dataset.story;
  const focused = Boolean(document.activeElement?.closest(".item"));
  const opened = items().filter((each) => each.querySelector("details.edit[open]")).map((each) => each.id);
  edition().replaceWith(fresh);
  for (const id of opened) document.querySelector(`#${CSS.escape(id)} details.edit`)?.setAttribute("open", "");
  prepare();
  const item = chosen && document.getElementById(`item-${chosen}`);
  if (item) {
    item.setAttribute("aria-current", "true");
    if (focused) item.querySelector("h2").focus({ preventScroll: true });
  }
}

function prepare() {
  readVersions(document);
  followWords(edition());
  if (edition().dataset.state !== "open") return;
  for (const each of items()) each.draggable = true;
}

let dragged = null;

function drag(event) {
  const item = event.target.closest?.(".item");
  for (const each of items()) each.classList.remove("over");
  if (event.type === "dragstart" && item) {
    dragged = item;
    item.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
  } else if (event.type === "dragover" && item && dragged) {
    event.preventDefault();
    item.classList.add("over");
  } else if (event.type === "drop" && item && dragged) {
    event.preventDefault();
    moveTo(dragged, items().indexOf(item) + 1);
  } else if (event.type === "dragend") {
    dragged?.classList.remove("dragged");
    dragged = null;
  }
}

/** Start the screen. */
export function startEdition() {
  prepare();
  bind({
    next: () => go(1),
    previous: () => go(-1),
    up: () => current() && moveTo(current(), items().indexOf(current())),
    down: () => current() && moveTo(current(), items().indexOf(current()) + 2),
    open: () => current()?.querySelector("a.original").click(),
    words: openWords,
    publish: follow("publish"),
    schedule: follow("schedule"),
    correct: follow("correct"),
    withdraw: follow("withdraw"),
    close: follow("close"),
    takeout: () => current()?.querySelector('form[data-act="takeout"]')?.requestSubmit(),
  }, "edition");
  for (const kind of ["dragstart", "dragover", "drop", "dragend"]) document.addEventListener(kind, drag);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-do]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    ask(link.getAttribute("href"));
  });
  document.addEventListener("focusout", () => late && setTimeout(refreshEdition));
  window.addEventListener("desk:acted", refreshEdition);
}
