// The live region: what happened, for eyes and ears, gone from sight after a while.

const region = document.getElementById("says");
let timer = 0;

/** Say a sentence; the next one takes its place. */
export function say(text, { keep = false } = {}) {
  clearTimeout(timer);
  region.textContent = text;
  if (!keep) timer = setTimeout(() => (region.textContent = ""), 8000);
}
