// The rule editor: Alt and the arrow keys move a line or a group; the picker filters as you type.
const words = (text) => text.toLocaleLowerCase();

document.addEventListener("keydown", (event) => {
  const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  const part = event.altKey && way && event.target.closest?.("[data-lines] [data-part]");
  if (!part) return;
  event.preventDefault();
  part.querySelector(`:scope > .line__buttons [data-move=${way}], :scope > .box__head [data-move=${way}]`)?.click();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-picker-search]")) return;
  const wanted = words(event.target.value);
  for (const group of event.target.closest("[data-picker]").querySelectorAll("[data-picker-group]")) {
    const items = [...group.querySelectorAll("[data-picker-item]")];
    items.forEach((item) => (item.hidden = !words(item.textContent).includes(wanted)));
    group.hidden = items.every((item) => item.hidden);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.("[data-picker-search]")) return;
  event.preventDefault();
  event.target.closest("[data-picker]").querySelector("[data-picker-item]:not([hidden]) button")?.click();
});

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-picker][open]")) event.target.querySelector("[data-picker-search]").focus();
}, true);

// A new line is written, not removed: its first field takes the focus that its button asked for.
document.addEventListener("htmx:afterSettle", () => {
  const button = document.activeElement;
  if (button?.matches("[data-lines] [data-part] [autofocus][value^=remove]")) button.closest("[data-part]").querySelector(".line__body select, .line__body input:not([type=hidden])")?.focus();
});
