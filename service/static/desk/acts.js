// From a form to an act of the API, and what follows from its answer. Every act of every screen goes through `perform`.

import { enqueue } from "./queue.js";
import { showClash } from "./clash.js";
import { problemWords } from "./problems.js";
import { say } from "./say.js";
import { becamePublic, remember } from "./undo.js";
import { madeVersion } from "./versions.js";
import { didWords, word } from "./words.js";

const CARRIED = new Set(["version", "back", "day"]);
const PUBLIC = new Set(["publish", "correct", "withdraw", "close", "reopen_edition"]);

/** The act that a form stands for; `submitter` is the button that was pressed. */
export function actOf(form, submitter = null) {
  const told = submitter?.dataset.api ? submitter.dataset : form.dataset;
  const fields = new FormData(form, submitter ?? undefined);
  const [method, template] = told.api.split(" ");
  const path = template.replace("{day}", fields.get("day") ?? "");
  const day = /\/editions\/([\d-]+)/.exec(path)?.[1];
  const story = form.closest("[data-story]")?.dataset.story ?? /\/(?:stories|items)\/(\w+)/.exec(path)?.[1];
  const isPlace = path.endsWith("/items");
  const act = {
    name: told.act, method, path, story, day,
    subject: day ? `edition:${day}` : `story:${story}`,
    versioned: !isPlace && !path.endsWith("/note"),
    about: form.closest("article, dialog")?.querySelector("h2, b")?.textContent.trim().slice(0, 80) ?? "",
  };
  const body = bodyOf(form, fields);
  if (method !== "DELETE" && Object.keys(body).length) act.body = body;
  return act;
}

function bodyOf(form, fields) {
  const lists = (form.dataset.lists ?? "").split(" ");
  const body = {};
  for (const [name, value] of fields) {
    if (CARRIED.has(name) || name === "partner" || /^(tier|reason)-/.test(name)) continue;
    if (lists.includes(name)) (body[name] ??= []).push(value);
    else if (name === "position") value && (body.position = Number(value));
    else if (name === "publish_at") body.publish_at = `${value}:00${form.elements.publish_at.dataset.offset}`;
    else if (value.trim()) body[name] = value;
    else if ("keepsEmpty" in form.dataset) body[name] = null;
  }
  if (form.querySelector(".tag-rows")) body.tags = tagsOf(form, fields);
  return body;
}

/** The ticked partners of a tag form, as the API takes them. */
function tagsOf(form, fields) {
  return fields.getAll("partner").map((partner) => ({
    partner, tier: fields.get(`tier-${partner}`), reason: fields.get(`reason-${partner}`)?.trim() || null,
  }));
}

/**
 * Do an act: send it with the version that was seen, and answer what became of it.
 * @param inverse the acts that take it back, or null.
 */
export async function perform(act, { inverse = null, silent = false, onDone = null } = {}) {
  const answer = await enqueue(act);
  if (answer.kind === "done") {
    if (PUBLIC.has(act.name)) becamePublic(act, act.story);
    else if (inverse) remember(act, inverse);
    if (!silent) say(didWords(act.name));
    onDone?.(answer);
    announce(act);
  } else if (answer.kind === "clash") {
    await settleClash(act, answer, { inverse, onDone });
  } else if (answer.kind === "refused" && !silent) {
    say(word("refused", { why: problemWords(answer.data) }), { keep: true });
  }
  if (answer.kind !== "done") announce(act);
  return answer;
}

async function settleClash(act, answer, more) {
  const current = answer.data.current;
  if (await showClash(act, current)) {
    madeVersion(act.subject, current.version);
    await perform(act, more);
  } else {
    say(word("clash"));
  }
}

// Screens show anew what an act was about.
function announce(act) {
  window.dispatchEvent(new CustomEvent("desk:acted", { detail: act }));
}

window.addEventListener("desk:orphan", ({ detail }) => {
  if (detail.answer.kind === "clash") settleClash(detail.act, detail.answer, {});
  else say(word("refused", { why: problemWords(detail.answer.data) }), { keep: true });
});
