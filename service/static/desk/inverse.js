// What takes an act back: the acts to do in its place, made from what the page showed before it. Null where nothing can.

const API = "/api/v1";

/** The acts that undo `act`; `article` shows the story as it was, `form` the fields as they were. */
export function inverseOf(act, article, form) {
  const make = INVERSES[act.name];
  return make ? make(act, article?.dataset ?? {}, form) : null;
}

const onStory = (name, act, method, tail, body) => ({
  name, method, path: `${API}/stories/${act.story}${tail}`, body, story: act.story, subject: `story:${act.story}`, versioned: true,
});

/** An act on an item of a day's list. */
export const onItem = (name, act, day, method, tail, body) => ({
  name, method, path: `${API}/editions/${day}/items${tail}`, body, story: act.story, day, subject: `edition:${day}`,
  versioned: tail !== "",
});

function backToState(act, was) {
  if (was.state === "held") return [onStory("hold", act, "POST", "/hold")];
  if (was.state === "passed") return [onStory("pass", act, "POST", "/pass", { reason: was.reason })];
  return [onStory("reopen", act, "POST", "/reopen")];
}

function placeAgain(act, was) {
  const body = { story_id: act.story, position: Number(was.position) || undefined };
  return [onItem("place", act, was.day ?? act.day, "POST", "", body)];
}

const INVERSES = {
  pass: backToState,
  hold: backToState,
  reopen: (act, was) => (was.edition ? null : backToState(act, was)),
  claim: (act) => [onStory("release", act, "POST", "/release")],
  release: (act) => [onStory("claim", act, "POST", "/claim")],
  ask: (act) => [onStory("answer", act, "POST", "/answer")],
  answer: (act) => [onStory("ask", act, "POST", "/ask")],
  tag: (act, was) => [onStory("tag", act, "PUT", "/tags", { tags: JSON.parse(was.tags ?? "[]") })],
  rewrite: (act, _was, form) => {
    const before = (name) => form.elements[name].defaultValue || null;
    return [onStory("rewrite", act, "PATCH", "", { headline: before("headline"), blurb: before("blurb") })];
  },
  merge: (act) => [onStory("split", act, "POST", "/split", { stories: act.body.stories })],
  split: (act) => (act.body?.stories ? [onStory("merge", act, "POST", "/merge", { stories: act.body.stories })] : null),
  place: (act) => [onItem("takeout", act, act.day, "DELETE", `/${act.story}`)],
  takeout: placeAgain,
  schedule: (act, was) => [onItem("takeout", act, act.day, "DELETE", `/${act.story}`), ...placeAgain(act, was)],
  move: (act, was) => {
    const day = act.body?.edition ?? act.day;
    const body = { position: Number(was.position) };
    if (day !== act.day) body.edition = act.day;
    return [onItem("move", act, day, "POST", `/${act.story}/move`, body)];
  },
};
