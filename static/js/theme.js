// The theme changes at once; the cookie tells the server before the next page.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-choice]")) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const button of event.target.querySelectorAll("button")) {
    if (button === event.submitter) button.setAttribute("aria-pressed", "true");
    else button.removeAttribute("aria-pressed");
  }
});
