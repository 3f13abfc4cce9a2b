/** The list of notes: what each one's state is, and the filter that finds one among many. */

import { element, refill } from "./dom.js";
import { count, size } from "./view.js";

/** @import { ListedNote } from "./api.js" */

/** How many are shown at once: ten thousand rows take a browser seconds, and nobody reads them. */
const AT_ONCE = 200;
/** From how many notes on the filter is worth its place. */
const MANY = 12;

/** What needs a look stands first. */
const ORDER = ["unreadable", "removed", "changed", "new", "indexed"];

/**
 * @param {{list: HTMLElement, filter: HTMLInputElement, shown: HTMLElement, more: HTMLButtonElement}} parts
 * @param {(note: ListedNote) => void} onDelete
 * @returns {(notes: ListedNote[]) => void} what shows other notes
 */
export function noteList({ list, filter, shown, more }, onDelete) {
  /** @type {ListedNote[]} */
  let all = [];
  let most = AT_ONCE;
  filter.addEventListener("input", () => {
    most = AT_ONCE;
    show();
  });
  more.addEventListener("click", () => {
    const next = most;
    most += AT_ONCE;
    show();
    const first = list.children[next]?.querySelector("a, button");
    if (first instanceof HTMLElement) first.focus();
  });
  return (notes) => {
    all = notes.toSorted((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
    const label = /** @type {HTMLElement} */ (filter.closest("label"));
    label.hidden = all.length <= MANY && !filter.value;
    show();
  };

  function show() {
    const wanted = filter.value.toLowerCase().split(/\s+/);
    const found = all.filter(({ note }) => wanted.every((part) => note.toLowerCase().includes(part)));
    refill(list, ...found.slice(0, most).map(row));
    const left = Math.max(0, found.length - most);
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, AT_ONCE)} more`;
    shown.textContent = inWords(found.length, Math.min(most, found.length));
  }

  /** @param {number} found @param {number} seen */
  function inWords(found, seen) {
    if (all.length === 0) return "No notes yet: drop some here, or put them into the folder and press Update.";
    if (found === 0) return "No note is called so.";
    const of = found < all.length ? ` of ${count(all.length, "note")} ${found === 1 ? "is" : "are"} called so` : "";
    const first = seen < found ? `; the first ${seen} are shown` : "";
    return `${of ? found.toLocaleString("en") : count(found, "note")}${of}${first}.`;
  }

  /** @param {ListedNote} note */
  function row(note) {
    const cut = note.note.lastIndexOf("/") + 1;
    const name = [element("span", { className: "folder" }, note.note.slice(0, cut)), note.note.slice(cut)];
    const isThere = note.state !== "removed" && note.bytes !== null;
    const isReadable = isThere && note.state !== "unreadable";
    const key = encodeURIComponent(note.note);
    const way = { id: `read-${key}`, href: `/read?note=${key}` };
    const title = element(isReadable ? "a" : "span", { className: "title", ...(isReadable && way) }, ...name);
    const facts = [
      ...(note.passages ? [count(note.passages, "passage")] : []),
      ...(note.bytes === null ? [] : [size(note.bytes)]),
      ...(note.state === "indexed" ? [note.passages ? "indexed" : "indexed, with nothing to quote"] : []),
    ];
    const problem = element("span", { className: "state" }, problemInWords(note));
    const called = { id: `delete-${key}`, ariaLabel: `Delete “${note.note}”` };
    const remove = element("button", { ...called, type: "button", onclick: () => onDelete(note) }, "Delete");
    return element(
      "li",
      {},
      title,
      element("span", { className: "facts" }, facts.join(" · ")),
      ...(note.state === "indexed" ? [] : [problem]),
      ...(isThere ? [remove] : []),
    );
  }
}

/** @param {ListedNote} note */
function problemInWords({ state, why }) {
  if (state === "new") return "not indexed yet";
  if (state === "changed") return "changed since the last update";
  if (state === "removed") return "gone from the folder, quoted until the next update";
  return why?.startsWith("cannot be read") ? why : `cannot be read: it ${why}`;
}
