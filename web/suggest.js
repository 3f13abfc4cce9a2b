/** What may be meant, offered below the box while the reader types. */

import { MOST_CHARACTERS, suggestions } from "./api.js";
import { element } from "./dom.js";
import { count } from "./view.js";

/** @import { Suggestion } from "./api.js" */

/** So long the reader pauses before anything is looked up. */
const PAUSE_MS = 120;

/**
 * Offer suggestions while `box` is typed in. A heading that is taken completes what is typed; a question that was asked
 * before is asked again.
 * @param {{box: HTMLTextAreaElement, list: HTMLElement, said: HTMLElement}} parts
 * @param {(question: string) => void} onQuestion
 */
export function suggesting({ box, list, said }, onQuestion) {
  /** @type {Suggestion[]} */
  let offered = [];
  let active = -1;
  /** @type {AbortController | null} */
  let looking = null;

  box.addEventListener("input", look);
  box.addEventListener("blur", close);
  box.form?.addEventListener("submit", close);
  // Before what the page does with the same keys.
  box.addEventListener("keydown", onKey, { capture: true });
  // The box keeps the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());

  async function look() {
    const text = box.value;
    if (!text.trim() || text.length > MOST_CHARACTERS || box.selectionEnd !== text.length) return close();
    looking?.abort();
    // What was offered stays until there is something else to offer, but Enter asks what is typed.
    choose(-1);
    const mine = new AbortController();
    looking = mine;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (mine.signal.aborted) return;
    try {
      const found = await suggestions(text, mine.signal);
      if (!mine.signal.aborted && box.value === text && document.activeElement === box) open(found);
    } catch {
      // Asking works without suggestions, and says in words what is wrong if it does not.
      if (!mine.signal.aborted) close();
    }
  }

  /** @param {Suggestion[]} found */
  function open(found) {
    if (found.length === 0) return close();
    offered = found;
    choose(-1);
    list.replaceChildren(...found.map(option));
    list.hidden = false;
    said.textContent = `${count(found.length, "suggestion")}: the arrow keys choose, Enter takes one.`;
  }

  function close() {
    looking?.abort();
    list.hidden = true;
    said.textContent = "";
    choose(-1);
  }

  /** @param {Suggestion} suggestion @param {number} position */
  function option(suggestion, position) {
    const { kind, text, heading, note } = suggestion;
    const shown = element("span", { className: "what" }, heading ?? text);
    const where = element("span", { className: "where" }, kind === "question" ? "asked before" : note ?? "");
    const made = element("li", { id: `suggestion-${position}`, role: "option", ariaSelected: "false" }, shown, " ", where);
    made.addEventListener("click", () => take(suggestion));
    return made;
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (list.hidden || event.isComposing) return;
    const { key } = event;
    if (key === "ArrowDown") choose(active + 1 === offered.length ? -1 : active + 1);
    else if (key === "ArrowUp") choose(active === -1 ? offered.length - 1 : active - 1);
    else if (key === "Escape") close();
    else if (key === "Enter" && !event.shiftKey && active !== -1) take(offered[active]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {number} position -1 for none: the box itself */
  function choose(position) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = position;
    const chosen = list.children[active];
    chosen?.setAttribute("aria-selected", "true");
    if (chosen) box.setAttribute("aria-activedescendant", chosen.id);
    else box.removeAttribute("aria-activedescendant");
  }

  /** @param {Suggestion} suggestion */
  function take({ kind, text }) {
    close();
    box.value = text;
    box.setSelectionRange(text.length, text.length);
    if (kind === "question") onQuestion(text);
  }
}
