/** Elements of the page: made, and found. */

/** @param {string} words @param {() => void} onclick @returns {HTMLElement} */
export const button = (words, onclick) => element("button", { type: "button", onclick }, words);

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} called ${id}`);
  return found;
}

/** @param {string} name @param {Record<string, unknown>} properties @param {...(Node | string)} children @returns {HTMLElement} */
export function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
