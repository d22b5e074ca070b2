// Acts on their way: sent one after the other, kept in sight and in this tab's storage while there is no connection,
// and sent again until an answer comes. An act is plain data, so that it outlives the page.

import { request } from "./api.js";
import { say } from "./say.js";
import { holdVersion, madeVersion, sawVersion, versionOf } from "./versions.js";
import { didWords, word } from "./words.js";

const STORE = "huoban-queue";
const panel = document.getElementById("queue");
const waiting = [];
const settling = new Map(); // act id → what to do with its answer; gone after a reload
let busy = false;
let away = false;
let timer = 0;
let pause = 1000;

/** Whether any act still waits for its answer. */
export const isWaiting = () => waiting.length > 0;

/**
 * Send an act after those before it.
 * @param act {name, method, path, body, subject, versioned}; `subject` is `story:ID` or `edition:DAY`.
 * @returns a promise of the answer; it stays open while there is no connection.
 */
export function enqueue(act) {
  const kept = { ...act, id: crypto.randomUUID(), seen: versionOf(act.subject) ?? null, tried: 0 };
  waiting.push(kept);
  if (kept.versioned) holdVersion(kept.subject, 1);
  const answer = new Promise((resolve) => settling.set(kept.id, resolve));
  store();
  run();
  return answer;
}

/** Take up what an earlier page of this tab could not send. */
export function restore() {
  for (const kept of JSON.parse(sessionStorage.getItem(STORE) ?? "[]")) {
    if (kept.seen !== null) sawVersion(kept.subject, kept.seen);
    if (kept.versioned) holdVersion(kept.subject, 1);
    waiting.push(kept);
  }
  if (waiting.length) run();
  window.addEventListener("online", retry);
}

async function run() {
  if (busy) return;
  busy = true;
  while (waiting.length && !away) {
    const act = waiting[0];
    const answer = await request(act.method, act.path, {
      body: act.body, key: act.id, version: act.versioned ? versionOf(act.subject) : undefined,
    });
    act.tried += 1;
    if (answer.kind === "away" || answer.kind === "signed-out") wait(answer.kind);
    else settle(act, answer);
  }
  busy = false;
}

function settle(act, answer) {
  waiting.shift();
  if (act.versioned) holdVersion(act.subject, -1);
  pause = 1000;
  if (answer.kind === "clash" && act.tried > 1 && isDone(act, answer.data?.current)) answer.kind = "done";
  if (answer.kind === "done") note(act, answer);
  store();
  const resolve = settling.get(act.id);
  settling.delete(act.id);
  if (resolve) resolve(answer);
  else if (answer.kind === "done") say(`${word("sent")} ${didWords(act.name)}`);
  else window.dispatchEvent(new CustomEvent("desk:orphan", { detail: { act, answer } }));
}

// The answer to an earlier try was lost: what stands there now may be what that try did.
function isDone(act, current) {
  if (!current || !act.body) return false;
  return Object.entries(act.body).every(([name, value]) => {
    if (name === "tags") {
      const plain = (tags) => JSON.stringify(tags.map((tag) => [tag.partner, tag.tier]));
      return plain(value) === plain(current.tags ?? []);
    }
    if (name === "story_ids") {
      const standing = (current.items ?? []).filter((item) => item.state !== "withdrawn");
      return JSON.stringify(value) === JSON.stringify(standing.map((item) => item.story_id));
    }
    return current[name] === value;
  });
}

function note(act, { data, version }) {
  if (version !== null) madeVersion(act.subject, version);
  else if (data?.current?.version) madeVersion(act.subject, data.current.version);
  if (data?.story_version) madeVersion(`story:${data.story_id}`, data.story_version);
  // Stories that the act counted up by one, and of which its answer does not speak. Had somebody else changed one of them
  // too, its version would be higher still, and the next act on it would be told so.
  const silent = act.method === "DELETE" ? [act.story] : (act.body?.stories ?? []);
  for (const story of silent) {
    const known = versionOf(`story:${story}`);
    if (known !== undefined) madeVersion(`story:${story}`, known + 1);
  }
  for (const item of data?.items ?? []) {
    // Of many stories at once, those that were left alone keep the version that was seen.
    if (item.passed !== false) madeVersion(`story:${item.story_id}`, item.story_version ?? item.version);
  }
}

function wait(kind) {
  away = true;
  show();
  say(word(kind === "away" ? "queued" : "signed_out"), { keep: true });
  clearTimeout(timer);
  timer = setTimeout(retry, pause);
  pause = Math.min(pause * 2, 15000);
}

function retry() {
  away = false;
  clearTimeout(timer);
  run().then(show);
}

function store() {
  sessionStorage.setItem(STORE, JSON.stringify(waiting));
  if (!away || !waiting.length) panel.hidden = true;
  else show();
}

function show() {
  panel.hidden = !away || !waiting.length;
  if (panel.hidden) return;
  const title = document.createElement("p");
  title.textContent = `${word("waiting")}: ${waiting.length}`;
  const list = document.createElement("ul");
  for (const act of waiting) {
    const line = document.createElement("li");
    line.textContent = `${didWords(act.name)} ${act.about ?? ""}`;
    list.append(line);
  }
  panel.replaceChildren(title, list, button("retry", retry), " ", button("drop", forget));
}

function button(name, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = word(name);
  made.addEventListener("click", act);
  return made;
}

function forget() {
  const dropped = waiting.splice(0);
  for (const act of dropped) {
    if (act.versioned) holdVersion(act.subject, -1);
    settling.get(act.id)?.({ kind: "dropped", data: null, version: null });
    settling.delete(act.id);
  }
  away = false;
  store();
  say("");
}
