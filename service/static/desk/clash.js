// Somebody was faster: what was sent and how it stands now, side by side. Nothing is overwritten without a yes.

import { word } from "./words.js";

const dialog = document.getElementById("ask");

/** Show both; answers whether the editor wants the act all the same. */
export function showClash(act, current) {
  const title = element("h2", word("clash"));
  const table = document.createElement("table");
  table.className = "facts";
  table.append(row("th", "", word("yours"), word("theirs")));
  for (const [name, mine] of Object.entries(act.body ?? {})) {
    table.append(row("td", name, plain(mine), plain(current[name])));
  }
  for (const name of ["state", "headline", "tags", "pass_reason", "claim", "items"]) {
    if (name in current && !(name in (act.body ?? {}))) table.append(row("td", name, "–", plain(current[name])));
  }
  const leave = element("button", word("leave"));
  const apply = element("button", word("apply"));
  leave.className = "main";
  const acts = document.createElement("p");
  acts.className = "acts";
  acts.append(leave, " ", apply);
  dialog.replaceChildren(title, table, acts);
  dialog.showModal();
  leave.focus();
  return new Promise((resolve) => {
    let wanted = false;
    leave.addEventListener("click", () => dialog.close());
    apply.addEventListener("click", () => {
      wanted = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(wanted), { once: true });
  });
}

function plain(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.map(plain).join("; ") || "–";
  if (typeof value !== "object") return String(value);
  return value.name ? `${value.name}: ${value.label_en}` : value.headline ?? value.by ?? value.partner ?? "";
}

function row(kind, ...texts) {
  const made = document.createElement("tr");
  for (const text of texts) {
    const cell = element(kind, text);
    cell.dir = "auto";
    made.append(cell);
  }
  return made;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
