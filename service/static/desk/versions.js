// Which version of each story and edition this editor has seen: what a change is made against.
// A version that somebody else made is only taken over with what it shows, and never under an act that still waits.

const seen = new Map();
const held = new Map();

/** The version last seen of `story:ID` or `edition:DAY`. */
export const versionOf = (subject) => seen.get(subject);

/** Note what the page shows now. Versions only count up: what was asked for before an act may come after its answer. */
export function sawVersion(subject, version) {
  if (!held.get(subject) && !(seen.get(subject) > Number(version))) seen.set(subject, Number(version));
}

/** Note the version that an act of one's own made. */
export function madeVersion(subject, version) {
  seen.set(subject, Number(version));
}

/** An act on this subject waits (+1), or waits no more (-1). */
export function holdVersion(subject, by) {
  held.set(subject, Math.max(0, (held.get(subject) ?? 0) + by));
}

/** Whether an act of one's own on this subject waits. */
export const isHeld = (subject) => Boolean(held.get(subject));

/** Read the versions that a part of the page was made from. */
export function readVersions(root) {
  for (const each of [root, ...root.querySelectorAll("[data-version]")]) {
    const { story, day, version } = each.dataset ?? {};
    if (version && story) sawVersion(`story:${story}`, version);
    else if (version && day) sawVersion(`edition:${day}`, version);
  }
}
