// Ctrl-K, ⌘-K or / puts the cursor into the search of the top bar.
const isTyping = (element) => element.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const isCommand = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !isTyping(event.target);
  const search = document.querySelector("[data-palette]");
  if (!search || !(isCommand || isSlash)) return;
  event.preventDefault();
  search.focus();
  search.select();
});
