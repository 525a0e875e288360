/** Links that say one thing and lead to another. */
import type { HeuristicMatch } from "./heuristics.ts";
import { type Tag, tags } from "./tags.ts";

/** Links of one page that are looked at. */
const MAX_LINKS = 2_000;
/** Characters of a link's text. */
const MAX_TEXT = 500;

const LINK = /<a\b/gi;
const LINK_END = /<\/a\s*>/gi;
/** Characters of a link's attributes, and of what it shows with its markup. */
const MAX_TAG = 4_000;
const MAX_SHOWN = 2_000;
const HREF = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i;
/** A text that is an address, whole. */
const ADDRESS = /^(?:https?:\/\/)?((?:[\p{L}\p{N}-]+\.)+[\p{L}]{2,24})(?::\d+)?(?:[/?#]\S*)?$/iu;
/** Endings of names under which others register: enough for the comparison of two hosts. */
const SECOND_LEVEL = /\.(?:co|com|net|org|gov|edu|ac|gob|or|ne|go|ltd|plc|me)\.[a-z]{2}$/i;

function host(address: string): string {
  return /^\s*https?:\/\/(?:[^/@\s]*@)?(\[[0-9a-f:.]+\]|[^/:?#\s]+)/i.exec(address)?.[1]
    ?.toLowerCase().replace(/\.$/, "") ?? "";
}

/** The name that somebody registered. */
function registered(name: string): string {
  const labels = name.split(".");
  return labels.slice(SECOND_LEVEL.test(name) ? -3 : -2).join(".");
}

const isIp = (name: string) => /^\[|^\d{1,3}(?:\.\d{1,3}){3}$|^0x[0-9a-f]+$|^\d{8,10}$/.test(name);

/** Whether two words differ by one sign: put in, left out, exchanged, or two of them turned. */
export function isOneApart(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  const most = Math.min(a.length, b.length) - start;
  while (end < most && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  return (left.length <= 1 && right.length <= 1) ||
    (left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0]);
}

/** Signs that are drawn alike, each as the same letter. */
function drawn(name: string): string {
  return name.replace(/0/g, "o").replace(/[1|!íì]/g, "l").replace(/i/g, "l").replace(/rn/g, "m")
    .replace(/vv/g, "w").replace(/5/g, "s");
}

/** Whether a link to `target` whose text shows `shown` pretends to be there. */
function pretends(shown: string, target: string): boolean {
  if (isIp(target)) return true;
  const said = registered(shown);
  const real = registered(target);
  if (said === real || said.length < 5) return false;
  // paypal.com.example.net, paypal-com.example.net
  const front = target.slice(0, target.length - real.length);
  if (`.${front}`.includes(`.${said}.`)) return true;
  const name = said.split(".")[0] ?? "";
  if (name.length >= 5 && real.startsWith(said.replace(/\./g, "-"))) return true;
  const other = real.split(".")[0] ?? "";
  if (name.length < 5 || name === other) return false;
  return isOneApart(name, other) || drawn(name) === drawn(other);
}

interface Link {
  readonly start: number;
  readonly attributes: string;
  /** Up to its end, with the markup in it. */
  readonly shows: string;
}

/**
 * Links with an end. A link within one that has not ended ends it, as in a browser. Neither begin nor end is looked for twice at
 * the same place: a page may have a million of one and none of the other.
 */
function* linksOf(text: string): Generator<Link> {
  const ends = text.matchAll(LINK_END);
  let end = ends.next().value;
  const ending = (tag: Tag, before: number): Link | undefined => {
    while (end && end.index < tag.end) end = ends.next().value;
    if (!end || end.index >= before || end.index - tag.end > MAX_SHOWN) return undefined;
    const attributes = text.slice(tag.start + 2, tag.end - 1);
    return { start: tag.start, attributes, shows: text.slice(tag.end, end.index) };
  };
  let open: Tag | undefined;
  for (const tag of tags(text, LINK, MAX_TAG)) {
    const link = open && ending(open, tag.start);
    if (link) yield link;
    open = tag;
  }
  const link = open && ending(open, Infinity);
  if (link) yield link;
}

/** Looks at the links of a page. */
export function linkHeuristics(text: string): readonly HeuristicMatch[] {
  let links = 0;
  for (const { start, attributes, shows } of linksOf(text)) {
    if (++links > MAX_LINKS) return [];
    const href = HREF.exec(attributes);
    const target = host((href?.[1] ?? href?.[2] ?? href?.[3] ?? "").replace(/&amp;/g, "&"));
    if (target === "") continue;
    const words = shows.replace(/<[^>]*>/g, "").replace(/&(?:nbsp|#160);/g, " ").trim();
    if (words.length > MAX_TEXT) continue;
    const shown = ADDRESS.exec(words)?.[1]?.toLowerCase();
    if (shown !== undefined && !isIp(shown) && pretends(shown, target)) {
      return [{ name: "Heuristic.LookAlikeLink", offset: start }];
    }
  }
  return [];
}
