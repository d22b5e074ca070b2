// Tagging by keys: type-ahead over code and names, suggestions first, the register's tier before the eyes.
// Enter takes a partner, Enter in the empty field confirms, a digit there overrides the tier of the last one taken.

import { lastUsed, matching, partnersOn, used } from "./partners.js";
import { say } from "./say.js";
import { word } from "./words.js";

/** Turn the look-up field of a story's tag form into a combobox (ARIA Authoring Practices, combobox pattern). */
export function enhanceTags(article) {
  const field = article.querySelector(".look-up input#add");
  if (field) new Tagging(article, field);
}

class Tagging {
  constructor(article, field) {
    this.article = article;
    this.field = field;
    this.form = article.querySelector(".tag-form");
    this.rows = article.querySelector("#tag-rows");
    this.template = article.querySelector("#tag-row-template");
    this.list = document.createElement("ul");
    this.list.className = "options";
    this.list.id = "options";
    this.list.role = "listbox";
    this.list.ariaLabel = word("add_partner");
    this.list.hidden = true;
    this.shown = [];
    this.at = -1;
    this.partners = [];
    field.required = false;
    field.role = "combobox";
    field.setAttribute("aria-controls", "options");
    field.setAttribute("aria-expanded", "false");
    field.setAttribute("aria-autocomplete", "list");
    field.closest("form").append(this.list);
    field.addEventListener("focus", () => this.open());
    field.addEventListener("input", () => this.open());
    field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    field.addEventListener("keydown", (event) => this.key(event));
    field.closest("form").addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.enter();
    });
    this.rows.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.name?.startsWith("reason-")) {
        event.preventDefault();
        field.focus();
      }
    });
    this.list.addEventListener("mousedown", (event) => {
      const line = event.target.closest("[data-at]");
      if (line) {
        event.preventDefault();
        this.take(this.shown[line.dataset.at]);
      }
    });
  }

  async open() {
    this.partners = await partnersOn(this.article.dataset.day).catch(() => []);
    const text = this.field.value;
    this.shown = text.trim() ? matching(this.partners, text) : this.offered();
    this.at = text.trim() || !this.ticked().length ? (this.shown.length ? 0 : -1) : -1;
    this.draw(text.trim() && !this.shown.length ? word("no_match") : "");
  }

  offered() {
    const named = [...this.rows.querySelectorAll(".tag-row")].filter((row) => !box(row).checked);
    const codes = [...named.map((row) => row.dataset.partner), ...lastUsed()];
    const taken = this.ticked();
    return [...new Set(codes)].filter((code) => !taken.includes(code)).map((code) => this.find(code)).filter(Boolean);
  }

  find(code) {
    return this.partners.find((each) => each.partner === code);
  }

  ticked() {
    return [...this.rows.querySelectorAll(".tag-row")].filter((row) => box(row).checked).map((row) => row.dataset.partner);
  }

  draw(nothing = "") {
    this.list.replaceChildren(
      ...this.shown.map((each, at) => {
        const line = document.createElement("li");
        line.id = `option-${at}`;
        line.role = "option";
        line.dataset.at = at;
        line.setAttribute("aria-selected", String(at === this.at));
        const name = document.createElement("b");
        name.textContent = `${each.partner} ${each.name}`;
        const held = document.createElement("span");
        held.className = "soft";
        held.textContent = [each.label_en, each.in_force_from].filter(Boolean).join(", ");
        line.append(name, held);
        return line;
      }),
    );
    this.list.hidden = !this.shown.length;
    this.field.setAttribute("aria-expanded", String(!this.list.hidden));
    if (this.at >= 0) this.field.setAttribute("aria-activedescendant", `option-${this.at}`);
    else this.field.removeAttribute("aria-activedescendant");
    if (nothing) say(nothing);
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.shown.length) {
      event.preventDefault();
      this.at = (this.at + step + this.shown.length) % this.shown.length;
      this.draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.enter();
    } else if (/^\d$/.test(event.key) && !this.field.value && this.last()) {
      event.preventDefault();
      this.override(Number(event.key));
    } else if (event.key === "Escape") {
      this.close();
      this.field.value = "";
    }
  }

  async enter() {
    if (this.field.value.trim()) {
      this.partners = await partnersOn(this.article.dataset.day).catch(() => []);
      this.shown = matching(this.partners, this.field.value);
      this.at = Math.max(0, Math.min(this.at, this.shown.length - 1));
    }
    if (this.at >= 0 && this.shown[this.at]) this.take(this.shown[this.at]);
    else if (!this.field.value.trim() && this.ticked().length) this.confirm();
    else say(word("no_match"));
  }

  take(partner) {
    const row = this.rowOf(partner.partner) ?? this.addRow(partner);
    box(row).checked = true;
    for (const each of this.rows.querySelectorAll(".at")) each.classList.remove("at");
    row.classList.add("at");
    this.field.value = "";
    say(`${partner.name}: ${partner.label_en}`);
    this.open();
  }

  rowOf(code) {
    return this.rows.querySelector(`.tag-row[data-partner="${CSS.escape(code)}"]`);
  }

  addRow(partner) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.dataset.partner = partner.partner;
    row.dataset.register = partner.tier;
    box(row).value = partner.partner;
    const facts = {
      name: partner.name, code: partner.partner, label_en: partner.label_en, label_zh: partner.label_zh,
      source: [partner.in_force_from, partner.source].filter(Boolean).join(" · "),
    };
    for (const slot of row.querySelectorAll("[data-slot]")) slot.textContent = facts[slot.dataset.slot] ?? "";
    const select = row.querySelector("select");
    select.name = `tier-${partner.partner}`;
    select.value = partner.tier;
    select.selectedOptions[0].textContent += ` (${word("register")})`;
    row.querySelector("input:not([type=checkbox])").name = `reason-${partner.partner}`;
    this.rows.querySelector(".nothing")?.remove();
    this.rows.append(row);
    return row;
  }

  last() {
    return this.rows.querySelector(".tag-row.at") ?? [...this.rows.querySelectorAll(".tag-row")].filter((row) => box(row).checked).at(-1);
  }

  override(digit) {
    const row = this.last();
    const select = row.querySelector("select");
    select.selectedIndex = digit;
    const reason = row.querySelector('input[name^="reason-"]');
    if (select.value === row.dataset.register) return say(select.selectedOptions[0].textContent);
    say(`${select.selectedOptions[0].textContent}. ${word("why_tier")}`);
    reason.focus();
  }

  confirm() {
    used(this.ticked());
    this.close();
    this.field.blur();
    this.form.requestSubmit();
  }
}

function box(row) {
  return row.querySelector('input[name="partner"]');
}
