// Filter bars send themselves: choices at once, typing after a short rest.
document.documentElement.classList.add("has-js");
let rest;
const send = (form) => form.requestSubmit();

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (!form) return;
  clearTimeout(rest);
  rest = setTimeout(send, event.target.matches("select, [type=checkbox], [type=radio]") ? 0 : 300, form);
});

// What came is told to those who do not see it, and nobody loses the field they type in.
document.addEventListener("htmx:afterSettle", (event) => {
  const form = event.detail.requestConfig?.elt?.closest?.("form[data-autosubmit]");
  const said = document.getElementById("said");
  if (form && said) said.textContent = `${said.dataset.shown} ${event.detail.target.querySelectorAll("tbody > tr:not(:has(.table__empty))").length}`;
});
