/** The list of past conversations: opened, renamed, exported, deleted. */

import { conversations, exportAddress, forget, rename } from "./api.js";
import { chosenIn, confirmed } from "./dialog.js";
import { element, opensElsewhere, refill } from "./dom.js";
import { latest } from "./latest.js";
import { count } from "./view.js";

/** @import { Conversation } from "./api.js" */

const MANY = 100;

/**
 * @param {{panel: HTMLDetailsElement, list: HTMLElement, renaming: HTMLDialogElement}} parts
 * @param {{current: () => string | null, onOpen: (id: string) => void, onDeleted: (id: string) => void,
 *   say: (words: string, kind?: "failed") => void}} page
 * @returns {() => Promise<void>} what brings the list up to date, if it is seen
 */
export function conversationList({ panel, list, renaming }, { current, onOpen, onDeleted, say }) {
  let wanted = MANY;
  const listed = latest(() => conversations(wanted + 1));
  panel.addEventListener("toggle", refresh);
  return refresh;

  async function refresh() {
    if (!panel.open) return;
    await tried(async () => {
      const all = await listed();
      if (!all) return;
      const older = all.length > wanted ? [olderOnes()] : [];
      const none = element("li", {}, "None yet: what you ask is kept here.");
      refill(list, ...(all.length ? all.slice(0, wanted).map(item) : [none]), ...older);
    });
  }

  /** What shows older conversations, too. */
  function olderOnes() {
    const onclick = async () => {
      const next = wanted;
      wanted += MANY;
      await refresh();
      const first = list.children[next]?.querySelector("a");
      if (first) first.focus();
    };
    return element("li", {}, element("button", { type: "button", className: "quiet", onclick }, "Show older ones"));
  }

  /** @param {Conversation} conversation */
  function item({ id, title, began, turns }) {
    const link = element("a", { id: `open-${id}`, href: `?c=${encodeURIComponent(id)}`, className: "title" }, title);
    if (id === current()) link.ariaCurrent = "true";
    link.addEventListener("click", (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      onOpen(id);
    });
    const when = new Date(began).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
    /** @param {string} verb */
    const called = (verb) => ({ id: `${verb.toLowerCase()}-${id}`, ariaLabel: `${verb} “${title}”` });
    const act = (/** @type {string} */ verb, /** @type {(id: string, title: string) => Promise<void>} */ work) =>
      element("button", { ...called(verb), type: "button", onclick: () => work(id, title) }, verb);
    const save = { ...called("Export"), href: exportAddress(id), download: `${title.slice(0, 60)}.md` };
    return element(
      "li",
      {},
      link,
      element("span", { className: "when" }, `${count(turns, "question")}, ${when}`),
      element(
        "span",
        { className: "actions" },
        act("Rename", renameIt),
        element("a", save, "Export"),
        act("Delete", deleteIt),
      ),
    );
  }

  /** @param {string} id @param {string} title */
  async function renameIt(id, title) {
    const input = /** @type {HTMLInputElement} */ (renaming.querySelector("input"));
    input.value = title;
    const chosen = chosenIn(renaming);
    input.select();
    if ((await chosen) !== "rename" || !input.value.trim()) return;
    await tried(async () => {
      await rename(id, input.value);
      say("Renamed.");
      await refresh();
    });
  }

  /** @param {string} id @param {string} title */
  async function deleteIt(id, title) {
    const words = `Delete “${title}” with its questions and answers? Your notes stay as they are.`;
    if (!(await confirmed(words, "Delete"))) return;
    await tried(async () => {
      await forget(id);
      onDeleted(id);
      say("Deleted.");
      await refresh();
      panel.querySelector("summary")?.focus();
    });
  }

  /** @param {() => Promise<void>} work */
  async function tried(work) {
    try {
      await work();
    } catch (error) {
      say(error.message, "failed");
    }
  }
}
