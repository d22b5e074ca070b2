// The questions before something changes in public: the desk's own page that asks, shown in a dialog.

import { actOf, perform } from "./acts.js";
import { piece } from "./api.js";
import { followWords } from "./mirror.js";
import { say } from "./say.js";
import { readVersions } from "./versions.js";
import { word } from "./words.js";

const dialog = document.getElementById("ask");

/**
 * Ask what the page at `path` asks.
 * @returns once the question is there: `{decided, answer}`, promises of whether the editor said yes, and whether it was
 * then done; null where there is no question.
 */
export async function ask(path) {
  const question = await piece(path, "#question");
  if (!question) {
    say(word("offline"));
    return null;
  }
  const back = document.activeElement;
  dialog.replaceChildren(question);
  readVersions(question);
  followWords(question);
  dialog.showModal();
  (question.querySelector("[autofocus], input:not([type=hidden]), textarea") ?? dialog).focus();
  const act = decidedIn(question);
  const answer = act.then(async (decided) => Boolean(decided) && (await perform(decided)).kind === "done");
  act.then((decided) => !decided && back?.isConnected && back.focus());
  return { decided: act.then(Boolean), answer };
}

function decidedIn(question) {
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
    dialog.addEventListener("close", () => resolve(act), { once: true });
  });
}
