/** Files become notes: each is added, replaces one, or is refused, with the reason. */

import { addNote } from "./api.js";

/** The server takes no more. */
const MOST_BYTES = 20 * 2 ** 20;
const SUFFIXES = [".md", ".markdown", ".txt"];

/**
 * @param {File} file
 * @param {Set<string>} known the paths of the notes that are there
 * @param {(name: string) => Promise<boolean>} mayReplace asks whether a note that is there may be replaced
 * @returns {Promise<{isAdded: boolean, words: string}>} what became of the file
 */
export async function add(file, known, mayReplace) {
  const refused = (/** @type {string} */ why) => ({ isAdded: false, words: `${file.name}: refused, ${why}` });
  if (!SUFFIXES.some((suffix) => file.name.toLowerCase().endsWith(suffix))) {
    return refused(`it is no note; wanted ${SUFFIXES.slice(0, -1).join(", ")} or ${SUFFIXES.at(-1)}`);
  }
  if (file.size > MOST_BYTES) return refused(`it has ${Math.round(file.size / 2 ** 20)} MB; at most 20 MB are taken`);
  const isThere = known.has(file.name);
  if (isThere && !(await mayReplace(file.name))) return { isAdded: false, words: `${file.name}: kept as it was` };
  try {
    await addNote(file.name, file);
  } catch (error) {
    return refused(error.message.replace(`${file.name} `, "it "));
  }
  known.add(file.name);
  return { isAdded: true, words: `${file.name}: ${isThere ? "replaced" : "added"}` };
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
