// The questions before something changes in public: the desk's own page that asks, shown in a dialog.

import { actOf, perform } from "./acts.js";
import { piece } from "./api.js";
import { followWords } from "./mirror.js";
import { say } from "./say.js";
import { readVersions } from "./versions.js";
import { word } from "./words.js";

const dialog = document.getElementById("ask");

/** Ask what the page at `path` asks; answers whether it was done. */
export async function ask(path) {
  const question = await piece(path, "#question");
  if (!question) {
    say(word("offline"));
    return false;
  }
  const back = document.activeElement;
  dialog.replaceChildren(question);
  readVersions(question);
  followWords(question);
  dialog.showModal();
  (question.querySelector("[autofocus], input:not([type=hidden]), textarea") ?? dialog).focus();
  const done = await answered(question);
  if (!done && back?.isConnected) back.focus();
  return done;
}

function answered(question) {
  return new Promise((resolve) => {
    let act = null;
    question.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      act = actOf(event.target, event.submitter);
      dialog.close();
    });
    question.querySelector("[data-leave]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("close", async () => resolve(act ? (await perform(act)).kind === "done" : false), { once: true });
  });
}
