/** Questions to begin with, made from the headings of the student's own notes. */

import { someHeadings } from "./api.js";

/** @returns {Promise<string[]>} a question about some of the notes each, others each time; none if there is no index */
export async function examples() {
  try {
    return (await someHeadings()).map(({ heading }) => `What about ${heading}?`);
  } catch {
    // Asking works without examples, and says in words what is wrong if it does not.
    return [];
  }
}
