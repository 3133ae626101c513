// Menus close on Escape and on a click outside; arrow keys walk through their items.
const open = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  open().forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
});

// A question mark opens the help, unless somebody types or wants no single keys.
document.addEventListener("keydown", (event) => {
  const help = document.querySelector("[data-help] details");
  if (event.key !== "?" || !help || !("singleKeys" in document.body.dataset) || event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  event.preventDefault();
  help.open = !help.open;
  help.querySelector("summary").focus();
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-menu]");
  if (event.key === "Escape") {
    open().forEach((one) => one.removeAttribute("open"));
    menu?.querySelector("summary").focus();
  }
  if (!menu?.open || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const stops = [...menu.querySelectorAll("summary, a[href], button, input, select")];
  const step = event.key === "ArrowDown" ? 1 : -1;
  stops.at((stops.indexOf(document.activeElement) + step) % stops.length).focus();
});

// On a narrow screen tabs and the places of the settings scroll sideways: the open one is brought into sight.
document.querySelectorAll(".tabs, .settings__nav").forEach((bar) => {
  const now = bar.querySelector("[aria-current]");
  if (now) bar.scrollLeft += now.getBoundingClientRect().left - bar.getBoundingClientRect().left - 40;
});
