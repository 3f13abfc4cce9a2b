/** Elements of the page: made, found, and given words. */

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

/**
 * Put other children there. What has the focus is made anew with them: the reader stays at what has its id.
 * @param {HTMLElement} list @param {...Node} children
 */
export function refill(list, ...children) {
  const held = list.contains(document.activeElement) ? document.activeElement?.id : "";
  list.replaceChildren(...children);
  if (held) document.getElementById(held)?.focus();
}

/** @param {HTMLElement} line @returns {(words: string, kind?: "" | "failed") => void} what gives it other words */
export const saying = (line) => (words, kind = "") => {
  line.textContent = words;
  line.className = kind;
};

/** Let the keyboard, too, scroll what does not fit. @param {Iterable<Element>} parts */
export function scrolledByKeys(parts) {
  for (const part of parts) {
    const fits = part.scrollHeight <= part.clientHeight && part.scrollWidth <= part.clientWidth;
    if (part instanceof HTMLElement && !fits) part.tabIndex = 0;
  }
}

/** @param {MouseEvent} event @returns {boolean} whether a link is to open in a tab or window of its own */
export const opensElsewhere = (event) => event.ctrlKey || event.metaKey || event.shiftKey;
