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
