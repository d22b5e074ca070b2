// The public editor API as the scripts use it: one request, one of five answers. Knows no screen.

/**
 * Send one request.
 * @returns {Promise<{kind: "done"|"clash"|"refused"|"signed-out"|"away", data: object|null, version: number|null}>}
 * `away` is no connection or an answer of the 5xx kind: nothing is known about what became of it.
 */
export async function request(method, path, { body, version, key } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined && version !== null) headers["If-Match"] = `"${version}"`;
  if (key && method === "POST") headers["Idempotency-Key"] = key;
  let answer;
  let data = null;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.status !== 204) data = await answer.json();
  } catch {
    return { kind: "away", data: null, version: null };
  }
  const tag = /^(?:W\/)?"(\d+)"$/.exec(answer.headers.get("ETag") ?? "");
  return { kind: kindOf(answer.status), data, version: tag ? Number(tag[1]) : null };
}

function kindOf(status) {
  if (status < 300) return "done";
  if (status === 401) return "signed-out";
  if (status === 412) return "clash";
  return status >= 500 || status === 429 ? "away" : "refused";
}

/** A piece of one of the desk's own pages; null when there is no connection or the session has ended. */
export async function piece(path, selector) {
  try {
    const answer = await fetch(path, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/desk/sign-in") return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(selector);
  } catch {
    return null;
  }
}
