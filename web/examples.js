/** Questions to begin with, made from the headings of the student's own notes. */

import { note, notes } from "./api.js";

/** @import { Note } from "./api.js" */

const MOST = 3;

/** @returns {Promise<string[]>} a question each about some of the notes, others each time; none if they cannot be read */
export async function examples() {
  try {
    const some = shuffled(await notes()).slice(0, MOST);
    return questions(await Promise.all(some.map(({ note: path }) => note(path))));
  } catch {
    // Asking works without examples, and says in words what is wrong if it does not.
    return [];
  }
}

/** @param {Note[]} some @returns {string[]} */
function questions(some) {
  const headings = some.map(({ sections }) => {
    const paths = shuffled(sections.map((section) => section.heading));
    // The title is about all of a note; what stands below it is easier to answer.
    return (paths.find((path) => path.length > 1) ?? paths.find((path) => path.length))?.at(-1);
  });
  const asked = headings.filter((heading) => heading && heading.length <= 60);
  return [...new Set(asked)].map((heading) => `What about ${heading?.replace(/^[\d.]+\s+/, "")}?`);
}

/** @template T @param {T[]} things @returns {T[]} */
function shuffled(things) {
  const keyed = things.map((thing) => ({ thing, at: Math.random() }));
  return keyed.sort((one, other) => one.at - other.at).map(({ thing }) => thing);
}
