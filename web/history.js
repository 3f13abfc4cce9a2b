/** The list of past conversations: opened, renamed, exported, deleted. */

import { conversations, exportAddress, forget, rename } from "./api.js";
import { chosenIn } from "./dialog.js";
import { element, opensElsewhere } from "./dom.js";
import { count } from "./view.js";

/** @import { Conversation } from "./api.js" */

const MANY = 100;

/**
 * @param {{panel: HTMLDetailsElement, list: HTMLElement, renaming: HTMLDialogElement, deleting: HTMLDialogElement}} parts
 * @param {{current: () => string | null, onOpen: (id: string) => void, onDeleted: (id: string) => void,
 *   say: (words: string, kind?: "failed") => void}} page
 * @returns {() => Promise<void>} what brings the list up to date, if it is seen
 */
export function historyList({ panel, list, renaming, deleting }, { current, onOpen, onDeleted, say }) {
  let wanted = MANY;
  panel.addEventListener("toggle", refresh);
  return refresh;

  async function refresh() {
    if (!panel.open) return;
    await tried(async () => {
      const all = await conversations(wanted + 1);
      const older = all.length > wanted ? [olderOnes()] : [];
      const none = element("li", {}, "None yet: what you ask is kept here.");
      const held = document.activeElement?.closest(`#${list.id} li`) && document.activeElement;
      list.replaceChildren(...(all.length ? all.slice(0, wanted).map(item) : [none]), ...older);
      if (held) focusOn(held.closest("li")?.id, held.ariaLabel);
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

  /** Give the focus back to what was made anew. @param {string | undefined} id @param {string | null} [label] */
  function focusOn(id, label) {
    const parts = [...(document.getElementById(id ?? "")?.querySelectorAll("a, button") ?? [])];
    const found = parts.find((part) => part.ariaLabel === label) ?? parts[0];
    if (found instanceof HTMLElement) found.focus();
  }

  /** @param {Conversation} conversation */
  function item({ id, title, began, turns }) {
    const link = element("a", { href: `?c=${encodeURIComponent(id)}`, className: "title" }, title);
    if (id === current()) link.ariaCurrent = "true";
    link.addEventListener("click", (event) => {
      if (opensElsewhere(event)) return;
      event.preventDefault();
      onOpen(id);
    });
    const when = new Date(began).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
    const act = (/** @type {string} */ name, /** @type {(id: string, title: string) => Promise<void>} */ work) => {
      const ariaLabel = `${name} “${title}”`;
      const onclick = async () => {
        await work(id, title);
        // The list may have been made anew behind the dialog, and with it what the browser gives the focus back to.
        if (!panel.contains(document.activeElement)) focusOn(`conversation-${id}`, ariaLabel);
      };
      return element("button", { type: "button", ariaLabel, onclick }, name);
    };
    const save = { href: exportAddress(id), download: `${title.slice(0, 60)}.md`, ariaLabel: `Export “${title}”` };
    return element(
      "li",
      { id: `conversation-${id}` },
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
      focusOn(`conversation-${id}`, `Rename “${input.value.trim()}”`);
    });
  }

  /** @param {string} id @param {string} title */
  async function deleteIt(id, title) {
    const words = `Delete “${title}” with its questions and answers? Your notes stay as they are.`;
    if ((await chosenIn(deleting, words)) !== "delete") return;
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
