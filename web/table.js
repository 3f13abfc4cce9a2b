/** Rows of a Markdown table as they are quoted, and the table that they make. */

import { element } from "./dom.js";

/** @param {string} line @returns {boolean} */
export const isRow = (line) => line.trimStart().startsWith("|");

/** @param {string[]} rows the header first @returns {HTMLElement} a table of their cells, word for word */
export function tableOf([header, ...rows]) {
  const body = rows.map((row) => element("tr", {}, ...cells(row).map((cell) => element("td", {}, cell))));
  const head = element("tr", {}, ...cells(header).map((cell) => element("th", { scope: "col" }, cell)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

/** @param {string} row @returns {string[]} what stands between its bars; one behind a backslash is a letter like any other */
function cells(row) {
  const inner = row.trim().replace(/^\||(?<!\\)\|$/g, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
