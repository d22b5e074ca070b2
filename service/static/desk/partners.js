// Every partner with its names in six languages and the register's tier on a day: asked once a day, kept in this page.

const days = new Map();
const LAST = "huoban-last-partners";

/** All partners as the register has them on a day. */
export function partnersOn(day) {
  if (!days.has(day)) {
    const asked = fetch(`/api/v1/partnerships?on=${day}`).then((answer) => answer.json()).then(({ items }) =>
      items.map((each) => ({ ...each, keys: [each.partner, ...Object.values(each.names)].map(plain) })),
    );
    asked.catch(() => days.delete(day));
    days.set(day, asked);
  }
  return days.get(day);
}

function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Partners that a few letters may stand for: by code, beginning of a name, of a word in it, or any part. */
export function matching(partners, text, most = 8) {
  const wanted = plain(text.trim());
  if (!wanted) return [];
  const last = lastUsed();
  const ranked = [];
  for (const each of partners) {
    const fit = Math.min(...each.keys.map((key, at) => fitOf(key, wanted, at === 0)));
    if (fit < 9) ranked.push([fit, last.includes(each.partner) ? 0 : 1, each.name, each]);
  }
  ranked.sort((one, other) => one[0] - other[0] || one[1] - other[1] || (one[2] < other[2] ? -1 : 1));
  return ranked.slice(0, most).map((each) => each[3]);
}

function fitOf(key, wanted, isCode) {
  if (key === wanted) return isCode ? 0 : 1;
  if (isCode) return 9;
  if (key.startsWith(wanted)) return 2;
  if (key.split(/[\s'’-]+/).some((part) => part.startsWith(wanted))) return 3;
  return wanted.length > 1 && key.includes(wanted) ? 4 : 9;
}

/** The codes that this editor used last, the newest first. */
export function lastUsed() {
  return JSON.parse(sessionStorage.getItem(LAST) ?? "[]");
}

/** Note that partners were confirmed. */
export function used(codes) {
  sessionStorage.setItem(LAST, JSON.stringify([...new Set([...codes, ...lastUsed()])].slice(0, 8)));
}
