/** Files become notes: each is added, replaces one, or is refused, with the reason. */

import { addNote, Refused } from "./api.js";
import { size } from "./view.js";

/** The server takes no more. */
const MOST_BYTES = 20 * 2 ** 20;
const SUFFIXES = [".md", ".markdown", ".txt"];

/**
 * @param {File} file
 * @param {(name: string) => Promise<boolean>} mayReplace asks whether a note that is there may be replaced
 * @returns {Promise<{isAdded: boolean, words: string}>} what became of the file
 */
export async function add(file, mayReplace) {
  const refused = (/** @type {string} */ why) => ({ isAdded: false, words: `${file.name}: refused, ${why}` });
  if (!SUFFIXES.some((suffix) => file.name.toLowerCase().endsWith(suffix))) {
    return refused(`it is no note; wanted ${SUFFIXES.slice(0, -1).join(", ")} or ${SUFFIXES.at(-1)}`);
  }
  if (file.size > MOST_BYTES) return refused(`it has ${size(file.size)}; at most ${size(MOST_BYTES)} are taken`);
  try {
    const isNew = (await put(file, false)) ?? ((await mayReplace(file.name)) ? await put(file, true) : null);
    if (isNew === null) return { isAdded: false, words: `${file.name}: kept as it was` };
    return { isAdded: true, words: `${file.name}: ${isNew ? "added" : "replaced"}` };
  } catch (error) {
    return refused(error.message.replace(`${file.name} `, "it "));
  }
}

/** @param {File} file @param {boolean} mayReplace @returns {Promise<boolean | null>} whether it is new; null: one is there */
async function put(file, mayReplace) {
  try {
    return await addNote(file.name, file, mayReplace);
  } catch (error) {
    if (error instanceof Refused && error.code === "note_exists") return null;
    throw error;
  }
}

/**
 * @param {DataTransfer} dropped
 * @returns {{files: File[], folders: string[]}} the files, and the names of what are folders
 */
export function sorted(dropped) {
  const folders = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
  const names = folders.map((entry) => entry?.name ?? "");
  return { files: [...dropped.files].filter((file) => !names.includes(file.name)), folders: names };
}
