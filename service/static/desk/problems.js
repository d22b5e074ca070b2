// What an error of the API says to an editor: in the language of the page by its sentence, else by its code with the
// API's English beside it.

const read = (kind) =>
  new Map([...document.querySelectorAll(`#problem-words [data-${kind}]`)].map((each) => [each.dataset[kind], each.textContent]));

const sentences = read("sentence");
const codes = read("code");

/** One sentence of the API. */
export const sentenceWords = (text) => sentences.get(text) ?? text ?? "";

/** A whole error: its sentence, and each field's. */
export function problemWords(problem) {
  if (!problem) return "";
  const { code, detail, errors = [] } = problem;
  const known = sentences.has(detail) || !codes.has(code);
  const told = known ? sentenceWords(detail) : `${codes.get(code)} (${detail})`;
  return [told, ...errors.map((each) => `${each.field}: ${sentenceWords(each.message)}`)].filter(Boolean).join(" ");
}
