/** The page of the notes: what the reader does with them, and what the index makes of it. */

import { add, sorted } from "./adding.js";
import { deleteNote, notes } from "./api.js";
import { confirmed } from "./dialog.js";
import { element, find, saying } from "./dom.js";
import { latest } from "./latest.js";
import { noteList } from "./listing.js";
import { notesLine } from "./notes.js";
import { count } from "./view.js";

/** @import { ListedNote, SyncReport } from "./api.js" */

/** How many names of notes are told before the rest are counted. */
const MOST_NAMES = 5;

const say = saying(find("said", HTMLElement));
const results = find("results", HTMLElement);
const outcome = find("outcome", HTMLElement);
const chooser = find("files", HTMLInputElement);
const adding = find("adding", HTMLElement);

/** Whether the list did not come when it was asked for. */
let isListLate = false;
const listed = latest(notes);
/** What the syncs that followed each other did. @type {SyncReport[]} */
let reports = [];
let isAdding = false;
/** Whether the reader pressed Update last. What is added or deleted one by one is told of each instead. */
let isUpdating = false;

const shown = find("shown", HTMLElement);
const showList = noteList(
  {
    list: find("list", HTMLElement),
    filter: find("filter", HTMLInputElement),
    shown,
    more: find("more", HTMLButtonElement),
  },
  remove,
);
const update = find("sync", HTMLButtonElement);
update.addEventListener("click", () => {
  isUpdating = true;
});
const follow = notesLine(
  { line: find("status", HTMLElement), update, bar: find("bar", HTMLProgressElement) },
  (now) => {
    find("folder", HTMLElement).textContent = now.notes_folder ?? "";
    if (reports.length || isListLate) refresh();
    reports = [];
  },
  (report) => {
    reports.push(report);
    outcome.hidden = !isUpdating;
    outcome.replaceChildren(...outcomeOf(reports));
  },
);
refresh();

chooser.addEventListener("change", async () => {
  await addAll([...(chooser.files ?? [])]);
  // The same file can be chosen again.
  chooser.value = "";
});
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  adding.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) adding.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  adding.classList.remove("over");
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  const { files, folders } = sorted(event.dataTransfer);
  addAll(files, folders);
});

async function refresh() {
  try {
    const all = await listed();
    if (!all) return;
    showList(all);
    if (isListLate) say("");
    isListLate = false;
  } catch (error) {
    isListLate = true;
    shown.textContent = "Your notes could not be listed just now.";
    say(error.message, "failed");
  }
}

/** @param {File[]} files @param {string[]} [folders] */
async function addAll(files, folders = []) {
  if (isAdding) return say("Still adding the others; drop these again then.");
  isAdding = true;
  isUpdating = false;
  outcome.hidden = true;
  say(`Adding ${count(files.length, "file")}…`);
  const why = "refused, it is a folder; copy it into your notes folder";
  results.replaceChildren(...folders.map((name) => result(`${name}: ${why}`, false)));
  let added = 0;
  for (const file of files) {
    const { isAdded, words } = await add(file, mayReplace);
    results.append(result(words, isAdded));
    added += isAdded ? 1 : 0;
  }
  isAdding = false;
  say(`Added ${added.toLocaleString("en")} of ${count(files.length + folders.length, "file")}.`);
  if (added) {
    follow();
    refresh();
  }
}

/** @param {string} words @param {boolean} isAdded */
const result = (words, isAdded) => element("li", isAdded ? {} : { className: "refused" }, words);

/** @param {string} name */
const mayReplace = (name) =>
  confirmed(`“${name}” is among your notes already. Replace it with the file that you chose?`, "Replace");

/** @param {ListedNote} note */
async function remove({ note }) {
  const words = `Delete the file “${note}” from your notes folder? There is no way back.`;
  if (!(await confirmed(words, "Delete"))) return;
  isUpdating = false;
  outcome.hidden = true;
  try {
    await deleteNote(note);
    say(`Deleted “${note}”.`);
    follow();
  } catch (error) {
    return say(error.message, "failed");
  }
  // The row goes; the reader stays beside it.
  const row = document.activeElement?.closest("li");
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  const next = beside?.querySelector("button") ?? find("notes", HTMLElement);
  next.focus({ preventScroll: true });
  await refresh();
}

/** @param {SyncReport[]} all @returns {Node[]} what they did, in words */
function outcomeOf(all) {
  const last = all[all.length - 1];
  const lines = ["added", "changed", "removed"].flatMap((what) => {
    const names = [...new Set(all.flatMap((report) => /** @type {any} */ (report)[what]))];
    if (names.length === 0) return [];
    return [element("li", {}, element("b", {}, `${names.length.toLocaleString("en")} ${what}: `), inShort(names))];
  });
  const unreadable = Object.entries(last.unreadable).map(([name, why]) =>
    element("li", { className: "refused" }, why.startsWith(name) ? why : `${name} ${why}`),
  );
  return [
    element("h2", {}, lines.length ? "What changed" : "Nothing changed"),
    ...(lines.length ? [element("ul", {}, ...lines)] : []),
    ...(unreadable.length ? [element("h2", {}, "What could not be read"), element("ul", {}, ...unreadable)] : []),
  ];
}

/** @param {string[]} names */
function inShort(names) {
  const left = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (left > 0 ? ` and ${left.toLocaleString("en")} more` : "");
}
