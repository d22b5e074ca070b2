// The wire: going through the list, and the acts on the story that is chosen. What each act sends is its form's.

import { actOf, perform } from "./acts.js";
import { piece, request } from "./api.js";
import { ask } from "./ask.js";
import { inverseOf } from "./inverse.js";
import { bind, choose } from "./keys.js";
import { askWhyMany, passTicked, tick } from "./many.js";
import { begin, isDirty, outdated, prefetch, refreshStory, showStory, shownArticle } from "./pane.js";
import { problemWords } from "./problems.js";
import { say } from "./say.js";
import { readVersions } from "./versions.js";
import { word } from "./words.js";

const rows = document.getElementById("rows");
const pane = document.getElementById("pane");
const PAUSE = 400; // milliseconds: between two acts of a hand that goes on at once
const LEAVING = new Set(["pass", "hold"]);

const current = () => rows?.querySelector(".row[aria-current]");
const heading = (row) => row.querySelector("h2 a");

function beside(row, step) {
  let each = row;
  do each = step > 0 ? each?.nextElementSibling : each?.previousElementSibling;
  while (each && !each.classList.contains("row"));
  return each;
}

/** Choose a row: it is marked, in sight and has the focus, and the pane shows its story. */
async function select(row, { focus = true } = {}) {
  if (!row) return null;
  current()?.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  row.scrollIntoView({ block: "nearest" });
  if (focus) heading(row).focus({ preventScroll: true });
  history.replaceState(null, "", heading(row).href);
  const shown = showStory(row.dataset.story);
  const next = beside(row, 1);
  if (next) shown.then(() => prefetch(next.dataset.story));
  return shown;
}

async function go(step) {
  const row = current();
  if (!row) return select(rows.querySelector(".row"));
  const next = beside(row, step);
  if (next) return select(next);
  if (step > 0 && (await loadMore())) return select(beside(row, 1));
  return null;
}

/** After an act that ends with a story: the next one that still waits. */
async function moveOn(row) {
  let next = waitingAfter(row);
  if (!next && document.getElementById("more") && (await loadMore())) next = waitingAfter(row);
  return select(next ?? beside(row, 1) ?? row);
}

function waitingAfter(row) {
  let next = beside(row, 1);
  while (next && next.matches(".is-passed, .is-picked, .is-going")) next = beside(next, 1);
  return next;
}

async function loadMore() {
  const more = document.getElementById("more");
  if (!more) {
    say(word("no_more"));
    return false;
  }
  const address = new URL(more.href);
  address.searchParams.set("part", "list");
  const found = await fetch(address).then((answer) => answer.text()).catch(() => null);
  if (found === null) return false;
  const page = new DOMParser().parseFromString(`<ol>${found}</ol>`, "text/html");
  readVersions(page);
  const added = [...page.querySelectorAll("ol > li")];
  more.closest("li").remove();
  for (const each of added) if (!each.id || !document.getElementById(each.id)) rows.append(each);
  say(word("loaded", { count: added.filter((each) => each.classList.contains("row")).length }));
  return true;
}

/** Show a row as it is now; the list does not move. */
export async function refreshRow(story) {
  const row = document.getElementById(`row-${story}`);
  if (!row) return;
  const fresh = await piece(`/desk/stories/${story}?part=row`, ".row");
  if (!fresh || !row.isConnected) return;
  if (row.hasAttribute("aria-current")) fresh.setAttribute("aria-current", "true");
  heading(fresh).href = heading(row).href;
  const focused = row.contains(document.activeElement);
  row.replaceWith(fresh);
  readVersions(fresh.parentElement);
  if (focused) heading(fresh).focus({ preventScroll: true });
}

/** The pane's article, when it shows the chosen story; acts wait for it. */
async function article() {
  const row = current();
  const shown = row ? await showStory(row.dataset.story) : shownArticle();
  if (!shown) say(word("no_story"));
  return shown;
}

async function withForm(act, use) {
  const shown = await article();
  const form = shown?.querySelector(`form[data-act="${act}"]`);
  if (form) use(form, shown);
  return form;
}

/** A form of the pane was sent: at once on the screen, then to the API. */
export async function sent(form, submitter) {
  if (form.id === "many") return sentMany(form);
  const shown = form.closest("article");
  const act = actOf(form, submitter);
  const row = document.getElementById(`row-${act.story}`);
  const inverse = inverseOf(act, shown, form);
  form.dataset.sent = "yes";
  if (LEAVING.has(act.name) && row) {
    row.classList.add("is-going");
    moveOn(row);
  }
  if (act.name === "tag" && row) heading(row).focus({ preventScroll: true });
  const answer = await perform(act, { inverse });
  if (answer.kind !== "done") document.getElementById(`row-${act.story}`)?.classList.remove("is-going");
  return answer;
}

async function sentMany(form) {
  const gone = await passTicked(form);
  if (gone?.includes(current())) moveOn(current());
  return gone;
}

async function place(key) {
  const shown = await article();
  const form = shown?.querySelector('form[data-act="place"]');
  if (!form) return;
  const act = actOf(form);
  delete act.body.position;
  if (/^[1-9]$/.test(key)) act.body.position = Number(key);
  if (key === "t") act.body.position = 1;
  const row = document.getElementById(`row-${act.story}`);
  row?.classList.add("is-going");
  if (key !== "p" && row) moveOn(row);
  const placed = perform(act, { inverse: inverseOf(act, shown, form) }).then((answer) => {
    if (answer.kind !== "done") document.getElementById(`row-${act.story}`)?.classList.remove("is-going");
    return answer.kind === "done";
  });
  // Without a connection the place waits in the queue, and the question with it.
  if (key === "p" && (await soon(placed))) await publish(act.day, act.story);
}

/** What a promise gives, if it gives it within a few seconds. */
function soon(promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 5000, null))]);
}

async function publish(day, story) {
  const question = await ask(`/desk/editions/${day}/items/${story}/publish`);
  question?.decided.then((yes) => {
    const row = document.getElementById(`row-${story}`);
    if (!yes || !row) return;
    row.classList.add("is-going");
    moveOn(row);
    question.answer.then((done) => done || document.getElementById(`row-${story}`)?.classList.remove("is-going"));
  });
}

async function askForPlace() {
  const shown = await article();
  if (!shown) return;
  if (shown.dataset.edition) say(word("already"));
  else choose(word("which_place"), (key) => (/^[1-9tp]$|^Enter$/.test(key) ? place(key) : null));
}

async function askToPublish() {
  const before = await article();
  if (!before) return;
  await showNow(before.dataset.story);
  const shown = shownArticle();
  if (["draft", "scheduled"].includes(shown.dataset.itemState)) await publish(shown.dataset.edition, shown.dataset.story);
  else say(word(shown.dataset.edition ? "published_already" : "which_place"));
}

function chooseDigit(act, prompt) {
  return withForm(act, (form) =>
    choose(prompt, (digit) => {
      const wanted = form.querySelector(`[data-digit="${CSS.escape(digit)}"]`);
      if (!wanted) return;
      if (wanted.type === "checkbox") wanted.checked = true;
      form.requestSubmit(wanted.type === "checkbox" ? form.querySelector("button") : wanted);
    }),
  );
}

const focusOn = (selector) => async () => {
  const field = (await article())?.querySelector(selector);
  field?.scrollIntoView({ block: "center" });
  field?.focus();
};

const submit = (...acts) => async () => {
  const shown = await article();
  const form = acts.map((act) => shown?.querySelector(`form[data-act="${act}"]`)).find(Boolean);
  form?.requestSubmit();
};

const KEYS = {
  next: () => go(1),
  previous: () => go(-1),
  more: loadMore,
  open: async () => (await article())?.querySelector("a.original").click(),
  claim: submit("claim", "release"),
  ask: submit("ask", "answer"),
  hold: submit("hold"),
  reopen: submit("reopen"),
  tick: () => {
    const row = current();
    tick(row);
    return row && go(1);
  },
  pass_ticked: askWhyMany,
  pass: () => chooseDigit("pass", word("which_reason")),
  merge: () => chooseDigit("merge", word("which_sibling")),
  tag: focusOn("#add"),
  words: focusOn("#headline"),
  note: focusOn("#note"),
  place: askForPlace,
  publish: askToPublish,
};

/** An address pasted outside a field: the story that has it, or a new one. */
async function pasted(event) {
  const text = event.clipboardData?.getData("text").trim() ?? "";
  if (event.target.closest?.("input, textarea") || !/^https?:\/\/\S+$/.test(text)) return;
  const answer = await request("POST", "/api/v1/stories", { body: { url: text }, key: crypto.randomUUID() });
  if (answer.kind !== "done") return say(word("refused", { why: problemWords(answer.data) }), { keep: true });
  current()?.removeAttribute("aria-current");
  const shown = await showStory(answer.data.id);
  say(answer.data.warning ?? word(answer.data.version === 1 && !answer.data.item ? "added" : "known"));
  shown?.querySelector("h2").focus();
}

/** Go to a story, where it is in the list. */
export function goTo(story) {
  const row = document.getElementById(`row-${story}`);
  if (row) return select(row);
  return pane ? refreshStory(story) : null;
}

/** Start the screen. */
export function startWire() {
  begin();
  readVersions(document);
  if (current()) prefetch(beside(current(), 1)?.dataset.story);
  bind(KEYS, "wire");
  document.addEventListener("paste", pasted);
  rows?.addEventListener("click", (event) => {
    const link = event.target.closest("h2 a");
    if (event.target.id === "more") {
      event.preventDefault();
      loadMore();
    } else if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      document.querySelector(".wire")?.classList.add("chosen");
      select(link.closest(".row"));
    }
  });
  pane.addEventListener("click", (event) => {
    if (!event.target.closest(".back-link a") || !rows) return;
    event.preventDefault();
    document.querySelector(".wire").classList.remove("chosen");
    if (current()) heading(current()).focus();
  });
  window.addEventListener("desk:acted", ({ detail: act }) => {
    for (const story of new Set([act.story, ...(act.body?.stories ?? [])])) if (story) showSoon(story);
  });
}

const due = new Map();

/** Show a story anew when its acts pause: one that is tagged, placed and published in a row is shown once. */
function showSoon(story) {
  outdated(story);
  clearTimeout(due.get(story));
  due.set(story, setTimeout(() => showNow(story), PAUSE));
}

/** Show a story anew now, if that is due. */
async function showNow(story) {
  if (!due.has(story)) return;
  clearTimeout(due.get(story));
  due.delete(story);
  refreshRow(story);
  if (shownArticle()?.dataset.story === story) await refreshStory(story);
}

/** Somebody else changed a story: show it, unless that would take away what is being written. */
export function changedElsewhere(story) {
  if (shownArticle()?.dataset.story === story && isDirty()) return false;
  outdated(story);
  refreshRow(story);
  if (shownArticle()?.dataset.story === story) refreshStory(story, { unless: isDirty });
  return true;
}
