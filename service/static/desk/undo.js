// The last ten acts, each with what takes it back. Publishing, correcting and withdrawing are never taken back here:
// readers have seen them.

import { problemWords } from "./problems.js";
import { say } from "./say.js";
import { didWords, word } from "./words.js";

const STEPS = 10;
const steps = [];

/** Remember how to take an act back: `inverse` is a list of acts, in order. */
export function remember(act, inverse) {
  steps.push({ act, inverse });
  if (steps.length > STEPS) steps.shift();
}

/** Forget what was done to a story before it became public, and say so when asked for it. */
export function becamePublic(act, story) {
  for (let at = steps.length - 1; at >= 0; at -= 1) if (steps[at].act.story === story) steps.splice(at, 1);
  steps.push({ act, inverse: null });
}

/** Take the last act back; `perform` sends an act. Answers the story concerned. */
export async function undoLast(perform) {
  const step = steps.pop();
  if (!step) return say(word("nothing_to_undo"));
  if (!step.inverse) return say(word("not_undone"));
  for (const act of step.inverse) {
    const answer = await perform(act, { silent: true });
    if (answer.kind !== "done") {
      return say(word("undo_failed", { why: problemWords(answer.data) }));
    }
  }
  say(word("undone", { act: didWords(step.act.name) }));
  return step.act.story;
}
