// The desk's scripts begin here. They add speed to pages that are whole without them: each act is a form's, each sentence
// is the page's, and whatever is sent goes through the public API.

import { perform } from "./acts.js";
import * as edition from "./edition.js";
import { bind, choose, showHelp } from "./keys.js";
import { follow, watchArrivals, watchPresence } from "./live.js";
import { restore } from "./queue.js";
import { undoLast } from "./undo.js";
import { readVersions } from "./versions.js";
import * as wire from "./wire.js";
import { word } from "./words.js";

const screen = document.body.dataset.screen;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.api || form.closest("dialog")) return;
  event.preventDefault();
  if (screen === "edition") edition.sent(form, event.submitter);
  else wire.sent(form, event.submitter);
});

document.getElementById("show-help").addEventListener("click", (event) => {
  event.preventDefault();
  showHelp();
});

bind({
  help: showHelp,
  search: () => document.getElementById("search").focus(),
  undo: async () => {
    const story = await undoLast(perform);
    if (story && screen !== "edition") wire.goTo(story);
  },
  go: () => choose(word("go_where"), (letter) => {
    const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
    link?.click();
  }),
});

function showArrivals(fresh) {
  const place = document.getElementById("arrived");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word("arrived", { count: fresh.length });
  button.addEventListener("click", () => {
    const rows = document.getElementById("rows");
    readVersions(fresh[0].parentElement);
    rows.prepend(...fresh);
    place.hidden = true;
    fresh[0].querySelector("h2 a").focus();
  });
  place.replaceChildren(button);
  place.hidden = false;
}

if (screen === "wire" || screen === "story") {
  wire.startWire();
  follow({ story: wire.changedElsewhere });
  if (screen === "wire") {
    watchArrivals(showArrivals);
    watchPresence();
  }
} else if (screen === "edition") {
  edition.startEdition();
  const shown = () => document.querySelector(".edition").dataset.day;
  follow({ story: edition.refreshEdition, edition: (day) => day === shown() && edition.refreshEdition() });
}
restore();
document.documentElement.dataset.scripts = "on";
