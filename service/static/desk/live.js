// What the other editors do, as it happens (server-sent events). Nothing that is being read moves.

import { request } from "./api.js";
import { say } from "./say.js";
import { isHeld, versionOf } from "./versions.js";
import { didWords, word } from "./words.js";

const LOOK_FOR_NEW = 30000;
const PRESENCE = 60000;
const IDLE = 600000;
const OWN_ANSWER = 500; // milliseconds

/**
 * Follow the events.
 * @param screen {story(id), edition(day)}: shows a story or a day anew; `story` answers false where it did not.
 */
export function follow(screen) {
  let last = null;
  const connect = () => {
    const source = new EventSource(last ? `/api/v1/events?after=${last}` : "/api/v1/events");
    source.addEventListener("decision", ({ data, lastEventId }) => {
      last = lastEventId;
      told(JSON.parse(data), screen);
    });
    source.addEventListener("open", () => (document.body.dataset.live = "on"));
    source.addEventListener("error", () => {
      document.body.dataset.live = "off";
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      source.close();
      setTimeout(connect, 3000);
    });
  };
  connect();
}

function told(event, screen) {
  const [kind, id] = event.subject.split(":");
  const mine = event.by === document.body.dataset.me;
  if (kind === "edition") screen.edition?.(id);
  if (event.edition) screen.edition?.(event.edition);
  if (kind !== "story") return;
  // Of one's own acts the answer usually comes after the event, and tells the version.
  setTimeout(() => {
    const known = versionOf(event.subject);
    if (isHeld(event.subject) || known === undefined || event.version <= known) return;
    screen.story?.(id);
    if (!mine) say(word("others", { who: event.by, what: didWords(event.act) }));
  }, mine ? OWN_ANSWER : 0);
}

/** Look now and then whether stories have arrived; `show(count, rows)` offers them. */
export function watchArrivals(show) {
  setInterval(async () => {
    if (isIdle()) return;
    const address = new URL(location.href);
    for (const name of ["story", "cursor", "add", "did"]) address.searchParams.delete(name);
    address.searchParams.set("part", "list");
    const found = await fetch(address).then((answer) => answer.text()).catch(() => "");
    const page = new DOMParser().parseFromString(`<ol>${found}</ol>`, "text/html");
    const fresh = [...page.querySelectorAll("li.row")].filter((row) => !document.getElementById(row.id));
    if (fresh.length) show(fresh);
  }, LOOK_FOR_NEW);
}

/** Show who is at the desk, anew every minute. */
export function watchPresence() {
  const list = document.getElementById("here");
  setInterval(async () => {
    if (isIdle()) return;
    const { kind, data } = await request("GET", "/api/v1/presence");
    if (kind !== "done") return;
    list.replaceChildren(
      ...data.editors.map((name) => {
        const line = document.createElement("li");
        const said = document.createElement("bdi");
        said.textContent = name;
        line.append(said);
        return line;
      }),
    );
  }, PRESENCE);
}

// What asks by itself is no sign of a person: a desk that nobody touches asks nothing, and its session ends in time.
let touched = Date.now();
for (const kind of ["keydown", "pointerdown", "scroll"]) {
  document.addEventListener(kind, () => (touched = Date.now()), { capture: true, passive: true });
}

function isIdle() {
  return document.hidden || Date.now() - touched > IDLE;
}
