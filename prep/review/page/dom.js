// Elements, made in one line. Text goes in as text and never as HTML: nothing here, or in any other module, sets innerHTML.

export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !key.startsWith("aria") && key !== "list" && key !== "role") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function button(label, onclick, properties = {}) {
  return el("button", { type: "button", onclick, ...properties }, label);
}

export const byId = (id) => document.getElementById(id);

// Something that only a screen reader says.
export const spoken = (text) => el("span", { class: "spoken" }, text);

let last = 0;
export const newId = (word) => `${word}-${++last}`;

// Whether keys that are pressed on this element type text.
export function typesText(node) {
  if (!node) return false;
  if (node.tagName === "TEXTAREA" || node.tagName === "SELECT") return true;
  return node.tagName === "INPUT" && !["checkbox", "radio", "button"].includes(node.type);
}
