/** The reader: a whole note, its outline at the side, and the cited lines marked. */

import { cite, Refused, rendered } from "./api.js";
import { element, find, opensElsewhere, saying, scrolledByKeys } from "./dom.js";
import { keepPlace, returnToPlace, wayToQuestion } from "./place.js";
import { lineNumbers } from "./view.js";

/** @import { Found, Heading } from "./api.js" */

/** A note's lines, the first and the last. @typedef {[number, number]} Range */

const name = find("name", HTMLElement);
const say = saying(find("state", HTMLElement));
const text = find("note", HTMLElement);
const outline = find("outline", HTMLDetailsElement);
const headings = find("headings", HTMLElement);
const edit = find("edit", HTMLAnchorElement);
const wide = matchMedia("(min-width: 62rem)");

/** A heading that is this far below the top of the window, or above, is where the reader is. */
const REACHED_PX = 100;

/** The place is not to be left before what is read has come. */
history.scrollRestoration = "manual";
keepPlace(() => ({}));
leadBack(find("back", HTMLAnchorElement));
open(new URLSearchParams(location.search));

/** @param {URLSearchParams} said the address: a note, and perhaps its lines and the citation that they are of */
async function open(said) {
  const asked = said.get("note");
  if (!asked) return say("The address names no note; open one from an answer.", "failed");
  name.textContent = asked;
  entitle(asked);
  say("Opening the note…");
  try {
    const { note, lines, words } = await cited(asked, said.get("lines") ?? "", said.get("cited"));
    const shown = await rendered(note, lines?.[0] ?? 1);
    entitle(shown.note);
    name.textContent = shown.note;
    edit.href = shown.link;
    edit.hidden = false;
    fill(shown.html);
    list(shown.outline);
    const marked = lines ? mark(lines) : [];
    say(words || (text.textContent?.trim() ? "" : "This note is empty."));
    arrive(marked[0]);
  } catch (error) {
    const isGone = error instanceof Refused && error.code === "note_not_found";
    say(isGone ? `There is no note “${asked}” any more: it was moved, renamed or deleted.` : error.message, "failed");
  }
}

/**
 * @param {string} note @param {string} lines such as "10-12" @param {string | null} citation
 * @returns {Promise<{note: string, lines: Range | null, words: string}>} what is to be marked in today's note, in words
 */
async function cited(note, lines, citation) {
  const [, first, last] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(lines) ?? [];
  const there = { note, lines: first ? range(Number(first), Number(last ?? first)) : null };
  try {
    if (citation) return found(await cite(citation));
  } catch (error) {
    // Without an index, or where the address was cut off, the lines are what there is to go by.
    if (!(error instanceof Refused)) throw error;
  }
  return { ...there, words: there.lines ? `${sentence(there.lines)}.` : "" };
}

/** @param {Found} what @returns {{note: string, lines: Range | null, words: string}} */
function found({ state: become, now }) {
  const lines = now.start_line ? range(now.start_line, now.end_line ?? now.start_line) : null;
  const words = !lines
    ? "What was cited is no longer in this note."
    : become === "current"
      ? `${sentence(lines)}.`
      : become === "moved"
        ? `The note was changed; the same words now stand here. ${sentence(lines)}.`
        : `What was cited was changed; this is the section today. ${sentence(lines)}.`;
  return { note: now.note, lines, words };
}

/** @param {string} note */
function entitle(note) {
  document.title = `${note} · studybot`;
}

/** @param {string} html a note as the server made it harmless, and where the page's policy lets nothing run */
function fill(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  text.replaceChildren(template.content);
  // Each block reads in the direction of its own words; code does not.
  for (const block of text.children) if (!block.matches("pre")) block.setAttribute("dir", "auto");
  scrolledByKeys(text.querySelectorAll("pre, .wide"));
}

/** @param {Range} lines @returns {HTMLElement[]} the smallest blocks that hold them, which are marked */
function mark([first, last]) {
  const blocks = [...text.querySelectorAll("[data-lines]")].filter((block) => block instanceof HTMLElement);
  const held = blocks.filter((block) => {
    const [start, end] = (block.dataset.lines ?? "").split("-").map(Number);
    return start <= last && first <= end;
  });
  // Blocks come in the order of the note, each before those within it.
  const smallest = held.filter((block, at) => !held[at + 1] || !block.contains(held[at + 1]));
  for (const block of smallest) {
    block.classList.add("cited");
    const folded = block.closest("details");
    if (folded) folded.open = true;
  }
  return smallest;
}

/** Bring into view what the reader came for. @param {HTMLElement | undefined} first what is marked */
function arrive(first) {
  if (first) {
    // The keyboard goes on from there.
    if (!first.hasAttribute("tabindex")) first.tabIndex = -1;
    first.focus({ preventScroll: true });
  }
  if (returnToPlace()) return;
  if (!first) return named(location.hash)?.scrollIntoView({ behavior: "instant" });
  const above = [...text.querySelectorAll("h1, h2, h3, h4, h5, h6")].findLast((heading) => isBefore(heading, first));
  const top = first.getBoundingClientRect().top;
  // With its heading where that is near, else with some lines above it.
  if (above && top - above.getBoundingClientRect().top < innerHeight * 0.4) above.scrollIntoView({ behavior: "instant" });
  else scrollBy({ top: top - innerHeight * 0.3, behavior: "instant" });
}

/** @param {string} hash @returns {HTMLElement | null} what it names, which was not there yet when the page was opened */
function named(hash) {
  try {
    return document.getElementById(decodeURIComponent(hash.slice(1)));
  } catch {
    return null;
  }
}

/** @param {Element} one @param {Element} other */
function isBefore(one, other) {
  return Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

/** @param {Heading[]} all */
function list(all) {
  const links = all.map(({ id, title }) => element("a", { href: `#${encodeURIComponent(id)}` }, title || "…"));
  headings.replaceChildren(...all.map(({ level }, at) => element("li", { className: `level-${level}` }, links[at])));
  outline.hidden = all.length < 2;
  const unfold = () => (outline.open = wide.matches);
  wide.addEventListener("change", unfold);
  unfold();
  headings.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a");
    if (!link || opensElsewhere(event)) return;
    // An entry for each would stand between the reader and the question that led here.
    event.preventDefault();
    unfold();
    location.replace(link.href);
  });
  follow(all.map(({ id }) => document.getElementById(id)), links);
}

/** Tell in the outline where the reader is. @param {(HTMLElement | null)[]} places @param {HTMLElement[]} links */
function follow(places, links) {
  let current = -1;
  let isWaiting = false;
  const look = () => {
    isWaiting = false;
    const passed = places.findLastIndex((place) => place && place.getBoundingClientRect().top < REACHED_PX);
    if (passed === current) return;
    links[current]?.removeAttribute("aria-current");
    links[passed]?.setAttribute("aria-current", "true");
    current = passed;
    intoView(links[current]);
  };
  outline.addEventListener("toggle", () => intoView(links[current]));
  document.addEventListener("scroll", () => {
    if (!isWaiting) requestAnimationFrame(look);
    isWaiting = true;
  });
  look();
}

/** Scroll the outline alone. @param {HTMLElement | undefined} link */
function intoView(link) {
  const box = headings.getBoundingClientRect();
  const place = link?.getBoundingClientRect();
  if (place && (place.top < box.top || place.bottom > box.bottom)) headings.scrollTop += place.top - box.top - box.height / 3;
}

/** Let a link lead to the question that the reader came from, with its answer. @param {HTMLAnchorElement} link */
function leadBack(link) {
  const goBack = wayToQuestion();
  if (!goBack) return;
  link.textContent = "Back to the question";
  link.addEventListener("click", (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    goBack();
  });
}

/** @param {number} first @param {number} last @returns {Range} */
function range(first, last) {
  return [first, Math.max(first, last)];
}

/** @param {Range} lines */
function sentence([first, last]) {
  const words = lineNumbers(first, last);
  return `${words[0].toUpperCase()}${words.slice(1)} ${first === last ? "is" : "are"} marked`;
}
