// Words shown as readers will see them, while they are being written.

/** Let every field that mirrors a word show it in the article, question or item around it. */
export function followWords(root) {
  for (const field of root.querySelectorAll("[data-mirrors]")) {
    field.addEventListener("input", () => {
      const around = field.closest("article, #question");
      for (const place of around.querySelectorAll(`[data-mirror="${field.dataset.mirrors}"]`)) {
        place.textContent = field.value || field.placeholder;
      }
    });
  }
}
