// Passing many stories at once, for one reason: the ticked rows of the wire, each with the version that was seen.
// What cannot be passed is left alone and said.

import { perform } from "./acts.js";
import { choose } from "./keys.js";
import { outdated } from "./pane.js";
import { problemWords } from "./problems.js";
import { say } from "./say.js";
import { remember } from "./undo.js";
import { versionOf } from "./versions.js";
import { word } from "./words.js";

const boxOf = (row) => row?.querySelector('input[form="many"]');
const ticked = () => [...document.querySelectorAll('#rows input[form="many"]:checked')].map((box) => box.closest(".row"));

/** Tick a row, or take its tick away. */
export function tick(row) {
  const box = boxOf(row);
  if (!box) return;
  box.checked = !box.checked;
  say(word("ticked", { count: ticked().length }));
}

/** Ask why the ticked stories are passed: a digit, as for one story. */
export function askWhyMany() {
  const rows = ticked();
  if (!rows.length) return say(word("none_ticked"));
  choose(`${word("ticked", { count: rows.length })} ${word("which_reason")}`, (digit) => {
    const form = document.getElementById("many");
    const option = form.elements.reason.options[Number(digit) - 1];
    if (!option) return;
    option.selected = true;
    form.requestSubmit();
  });
}

/** Pass the ticked stories; answers their rows that were passed. */
export async function passTicked(form) {
  const rows = ticked();
  if (!rows.length) return say(word("none_ticked"));
  const option = form.elements.reason.selectedOptions[0];
  const versions = Object.fromEntries(rows.map(({ dataset }) => [dataset.story, versionOf(`story:${dataset.story}`)]));
  const body = { story_ids: Object.keys(versions), reason: option.value, versions };
  for (const row of rows) row.classList.add("is-going");
  const act = { name: "pass", method: "POST", path: form.dataset.api.split(" ")[1], body, subject: "stories:", versioned: false };
  const answer = await perform(act, { silent: true });
  for (const row of rows) row.classList.remove("is-going");
  if (answer.kind !== "done") return [];
  const passed = new Set(answer.data.items.filter((each) => each.passed).map((each) => each.story_id));
  const refused = answer.data.items.find((each) => !each.passed);
  const gone = rows.filter((row) => passed.has(row.dataset.story));
  remember(act, gone.map(takenBack));
  for (const row of gone) showPassed(row, option.dataset.mark);
  const told = word("passed_many", { count: gone.length, all: rows.length });
  say(refused ? `${told} ${problemWords(refused)}` : told, { keep: Boolean(refused) });
  return gone;
}

function takenBack({ dataset: { story, state } }) {
  const name = state === "held" ? "hold" : "reopen";
  return { name, method: "POST", path: `/api/v1/stories/${story}/${name}`, story, subject: `story:${story}`, versioned: true };
}

// Fifty rows are not asked for one by one: what a pass changes of a row is known.
function showPassed(row, words) {
  outdated(row.dataset.story);
  row.classList.replace(`is-${row.dataset.state}`, "is-passed");
  row.dataset.state = "passed";
  boxOf(row)?.closest(".tick").remove();
  row.querySelector(".mark.state")?.remove();
  const mark = document.createElement("li");
  mark.className = "mark state";
  mark.textContent = words;
  row.querySelector(".marks").prepend(mark);
}
