// Merge fields: a click or Enter writes the field where the cursor last stood in a text.
let last;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("textarea, input[name$=subject], input[name$=preheader]")) last = event.target;
});
const insert = (field) => {
  if (!last) return;
  last.setRangeText(field.textContent, last.selectionStart, last.selectionEnd, "end");
  last.focus();
  last.dispatchEvent(new Event("change", { bubbles: true }));
};
for (const field of document.querySelectorAll("[data-insert]")) {
  field.tabIndex = 0;
  field.setAttribute("role", "button");
  field.addEventListener("click", () => insert(field));
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") insert(field); });
}
