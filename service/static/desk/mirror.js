// Words shown as readers will see them, while they are being written: by the page that the preview's button opens, so
// that what is shown is drawn by what publishes it.

import { piece } from "./api.js";

const PAUSE = 250; // milliseconds without a letter

/** Let the preview of each form that has one follow its words. */
export function followWords(root) {
  for (const button of root.querySelectorAll("button[data-preview]")) {
    const { form } = button;
    const around = form.closest("article, #question");
    let timer = 0;
    let asked = 0;
    const refresh = async () => {
      const mine = ++asked;
      const words = new URLSearchParams([...new FormData(form)].filter(([name]) => name === "headline" || name === "blurb"));
      const shown = await piece(`${button.getAttribute("formaction")}?${words}`, ".preview");
      // A later letter has asked since; or there is no connection, and the old preview is better than none.
      if (shown && mine === asked) around.querySelector(".preview")?.replaceWith(shown);
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, PAUSE);
    });
    form.closest("details")?.addEventListener("toggle", ({ target }) => target.open && refresh());
    button.addEventListener("click", (event) => {
      event.preventDefault();
      refresh();
    });
  }
}
