// The palette: Ctrl-K, ⌘-K or / opens it; arrows choose, Enter goes there. Places visited lately stay in this tab only.
const dialog = document.querySelector("[data-palette-dialog]");
const MOST_RECENT = 8;
const key = "kohde-lately";
const isTyping = (element) => element.closest?.("input, textarea, select, [contenteditable]");

if (!dialog) sessionStorage.removeItem(key);
else {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const options = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  const choose = (option) => {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  };

  const kept = () => {
    const { user, places } = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    return user === dialog.dataset.user ? places : [];
  };

  // A page with a trail is a place worth coming back to.
  const trail = [...document.querySelectorAll(".page-header .crumbs a")];
  const heading = document.querySelector(".page-header h1");
  if (trail.length && heading && !/\/(new|edit|add)\/$/.test(location.pathname)) {
    const here = { words: heading.textContent.trim(), note: trail.map((one) => one.textContent).join(" / "), url: location.pathname };
    const places = [here, ...kept().filter((one) => one.url !== here.url)].slice(0, MOST_RECENT);
    sessionStorage.setItem(key, JSON.stringify({ user: dialog.dataset.user, places }));
  }

  const showRecent = () => {
    const places = kept().filter((one) => one.url !== location.pathname);
    if (input.value || !places.length) return;
    const group = Object.assign(document.createElement("div"), { className: "palette__group" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-labelledby", "found-lately");
    group.append(Object.assign(document.createElement("p"), { className: "palette__label", id: "found-lately", ariaHidden: "true", textContent: dialog.dataset.recent }));
    places.forEach((one, n) => {
      const link = Object.assign(document.createElement("a"), { className: "palette__option", href: one.url, id: `found-lately-${n}`, tabIndex: -1 });
      link.setAttribute("role", "option");
      link.setAttribute("aria-selected", "false");
      link.append(Object.assign(document.createElement("span"), { textContent: one.words }));
      link.append(Object.assign(document.createElement("small"), { textContent: one.note }));
      group.append(link);
    });
    list.prepend(group);
  };

  const open = (text = "") => {
    if (!dialog.open) dialog.showModal();
    input.value = text;
    input.focus();
    htmx.trigger(input, "palette:ask");
  };

  list.addEventListener("htmx:afterSwap", () => {
    showRecent();
    choose(options()[0]);
    dialog.querySelector("[data-palette-said]").textContent = list.querySelector("[data-said]")?.dataset.said ?? "";
  });
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== chosen()) choose(option);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-palette-close]")) dialog.close();
  });
  input.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: event.ctrlKey ? 0 : null, End: event.ctrlKey ? all.length - 1 : null }[event.key];
    if (to != null && all.length) {
      event.preventDefault();
      choose(all.at(to % all.length));
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    }
  });

  document.addEventListener("keydown", (event) => {
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
    const isSlash = event.key === "/" && "singleKeys" in document.body.dataset && !event.ctrlKey && !event.metaKey && !isTyping(event.target);
    if (!isCommand && !isSlash) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  const field = document.querySelector("[data-palette]");
  field?.addEventListener("click", () => open(field.value));
  field?.addEventListener("input", () => { open(field.value); field.value = ""; });
}
