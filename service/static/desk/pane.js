// The pane: one story in full, fetched as the server renders it, the next one ahead of time.

import { piece } from "./api.js";
import { followWords } from "./mirror.js";
import { say } from "./say.js";
import { enhanceTags } from "./tagging.js";
import { readVersions } from "./versions.js";
import { word } from "./words.js";

const pane = document.getElementById("pane");
const fetched = new Map();

/** The article that the pane shows now. */
export const shownArticle = () => pane?.querySelector("article");

/** Whether somebody is writing in the pane: its words must not be replaced. */
export function isDirty() {
  return [...(pane?.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea") ?? [])].some(
    (field) => field.value !== field.defaultValue,
  );
}

/** Ask for a story ahead of time. */
export function prefetch(story) {
  if (story && !fetched.has(story)) fetched.set(story, piece(`/desk/stories/${story}?part=pane`, "article"));
}

/** Forget what was fetched of a story: it has changed. */
export const outdated = (story) => fetched.delete(story);

/** Show a story; answers its article, or null where another one was asked for meanwhile. */
export async function showStory(story) {
  pane.dataset.wanted = story;
  if (shownArticle()?.dataset.story === story) return shownArticle();
  prefetch(story);
  const article = await fetched.get(story);
  if (pane.dataset.wanted !== story) return null;
  if (!article) {
    fetched.delete(story);
    say(word("offline"));
    return null;
  }
  fetched.set(story, Promise.resolve(article));
  put(article);
  return article;
}

/**
 * Fetch the story that is shown anew; the place of reading and the focus stay.
 * @param unless asked again when it has arrived: whether to leave the pane as it is.
 */
export async function refreshStory(story, { unless = () => false } = {}) {
  outdated(story);
  if (pane.dataset.wanted !== story && shownArticle()?.dataset.story !== story) return;
  const article = await piece(`/desk/stories/${story}?part=pane`, "article");
  if (!article || (pane.dataset.wanted ?? story) !== story || unless()) return;
  fetched.set(story, Promise.resolve(article));
  const top = pane.scrollTop;
  const focused = document.activeElement?.closest("#pane") ? document.activeElement : null;
  const caret = focused?.selectionStart ?? null;
  keepWriting(article);
  put(article);
  pane.scrollTop = top;
  if (!focused) return;
  const again = (focused.id && pane.querySelector(`#${CSS.escape(focused.id)}`)) || pane.querySelector("h2");
  again.focus({ preventScroll: true });
  if (caret !== null && again.setSelectionRange) again.setSelectionRange(caret, caret);
}

// What was written and not sent yet stays, except in the form that was sent.
function keepWriting(article) {
  for (const field of pane.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea")) {
    if (!field.id || field.value === field.defaultValue || field.form?.dataset.sent) continue;
    const fresh = article.querySelector(`#${CSS.escape(field.id)}`);
    if (fresh) fresh.value = field.value;
  }
}

function put(article) {
  pane.replaceChildren(article);
  pane.scrollTop = 0;
  begin();
}

/** Prepare what the server sent with the page. */
export function begin() {
  const article = shownArticle();
  if (!article) return;
  pane.dataset.wanted = article.dataset.story;
  readVersions(pane);
  followWords(pane);
  enhanceTags(article);
}
