/** An answer as Markdown, to be pasted into a note. */

import { lineNumbers } from "./view.js";

/** @import { Reply } from "./api.js" */

/** @param {Reply} reply an answered one @returns {string} each quote as a block quote, and under it where it stands */
export function inMarkdown(reply) {
  const quotes = (reply.answer?.quotes ?? []).map(({ text, citation, start_line, end_line }) => {
    const { note, heading } = reply.passages[citation - 1];
    const lines = text.split("\n").map((line) => `> ${line}`.trimEnd());
    return `${lines.join("\n")}\n\n— ${[note, ...heading].join(" › ")}, ${lineNumbers(start_line, end_line)}\n`;
  });
  return quotes.join("\n");
}
