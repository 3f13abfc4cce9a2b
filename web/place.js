/**
 * The place on a page, kept when a link leads away from it: the browser goes back to it before what fills the page has
 * come, and so to another place.
 */

const QUESTION = "studybot.question";

/**
 * @param {() => object} entry is what the entry of the browser's history is to hold besides the place
 * @param {() => void} [onLeave] is called when a link is followed
 */
export function keepPlace(entry, onLeave = () => {}) {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href]");
    // One that was followed by the page itself has made an entry of its own.
    if (!link || event.defaultPrevented || link.getAttribute("href")?.startsWith("#")) return;
    history.replaceState({ ...entry(), scroll: scrollY }, "");
    onLeave();
  });
}

/** Remember this entry of the browser's history as the one that the reader leads back to. */
export function keepQuestion() {
  const key = window.navigation?.currentEntry?.key;
  try {
    if (key) sessionStorage.setItem(QUESTION, key);
  } catch {
    // The reader then leads to the empty box.
  }
}

/** @returns {(() => void) | null} what goes back to the question; null where there is none to go back to */
export function wayToQuestion() {
  // No address of an earlier entry is told to a page whose referrer is kept secret; its key is.
  const key = kept();
  const before = (window.navigation?.entries() ?? []).slice(0, window.navigation?.currentEntry?.index ?? 0);
  return key && before.some((entry) => entry.key === key) ? () => window.navigation.traverseTo(key) : null;
}

/** @returns {boolean} whether a place was kept, which is then in view */
export function returnToPlace() {
  const kept = history.state?.scroll;
  if (typeof kept !== "number") return false;
  scrollTo({ top: kept, behavior: "instant" });
  return true;
}

/** @returns {string | null} */
function kept() {
  try {
    return sessionStorage.getItem(QUESTION);
  } catch {
    // A browser that keeps nothing for this page forbids even to ask.
    return null;
  }
}
