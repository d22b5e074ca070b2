// The words of the scripts: read from the page, where the catalogues have already been at work.

const read = (id) => {
  const words = new Map();
  for (const each of document.querySelectorAll(`#${id} [data-word]`)) words.set(each.dataset.word, each.textContent);
  return words;
};

const all = read("words");
const done = read("did-words");

/** A sentence by its name, with `{named}` places filled. */
export function word(name, values = {}) {
  return (all.get(name) ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** What an act did, in a few words. */
export function didWords(act) {
  return done.get(act) ?? act;
}
