// A view that is fetched whole, and anew after each change while it is open. The focus and the scroll stay where they were.

import { el } from "./dom.js";
import { store } from "./store.js";
import { complain } from "./messages.js";

// `draw()` gives the elements below the heading.
export function liveView(title, heading, draw) {
  const content = el("div", { class: "content", "aria-busy": "true" }, el("p", { class: "hint" }, "Loading…"));
  const element = el(
    "section",
    { class: "page-view", "aria-label": title },
    el("h2", { class: "view-title" }, heading),
    content,
  );
  let open = false;
  let turn = 0;

  async function show() {
    const mine = ++turn;
    try {
      const nodes = (await draw()).flat(2).filter(Boolean);
      if (mine !== turn || !open) return;
      const key = content.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const top = element.scrollTop;
      content.replaceChildren(...nodes);
      element.scrollTop = top;
      if (key) content.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
      content.removeAttribute("aria-busy");
    } catch (error) {
      complain(error);
      if (mine === turn && content.hasAttribute("aria-busy"))
        content.replaceChildren(el("p", { class: "wrong" }, error.message));
    }
  }

  const again = () => open && show();
  store.on("changed", again);
  store.on("fresh", again);
  return {
    element,
    title,
    show() {
      open = true;
      return show();
    },
    hide: () => (open = false),
  };
}
