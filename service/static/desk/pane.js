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
  if (shownArticle()?.dataset.story === story && fetched.has(story)) return shownArticle();
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

/** Fetch the story that is shown anew; the place of reading and the focus stay. */
export async function refreshStory(story) {
  outdated(story);
  if (pane.dataset.wanted !== story && shownArticle()?.dataset.story !== story) return;
  const focused = document.activeElement?.closest("#pane") ? document.activeElement.name || document.activeElement.id : null;
  const article = await piece(`/desk/stories/${story}?part=pane`, "article");
  if (!article || (pane.dataset.wanted ?? story) !== story) return;
  fetched.set(story, Promise.resolve(article));
  const top = pane.scrollTop;
  put(article);
  pane.scrollTop = top;
  if (focused) (pane.querySelector(`[name="${focused}"], #${CSS.escape(focused)}`) ?? pane.querySelector("h2")).focus();
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
