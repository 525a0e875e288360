/** Links that say one thing and lead to another. */
import type { HeuristicMatch } from "./heuristics.ts";

/** Links of one page that are looked at. */
const MAX_LINKS = 2_000;
/** Characters of a link's text. */
const MAX_TEXT = 500;

const LINK = /<a\b([^>]{1,4000})>([\s\S]{1,2000}?)<\/a\s*>/gi;
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

/** Looks at the links of a page. */
export function linkHeuristics(text: string): readonly HeuristicMatch[] {
  let links = 0;
  for (const match of text.matchAll(LINK)) {
    if (++links > MAX_LINKS) return [];
    const href = HREF.exec(match[1] ?? "");
    const target = host((href?.[1] ?? href?.[2] ?? href?.[3] ?? "").replace(/&amp;/g, "&"));
    if (target === "") continue;
    const words = (match[2] ?? "").replace(/<[^>]*>/g, "").replace(/&(?:nbsp|#160);/g, " ").trim();
    if (words.length > MAX_TEXT) continue;
    const shown = ADDRESS.exec(words)?.[1]?.toLowerCase();
    if (shown !== undefined && !isIp(shown) && pretends(shown, target)) {
      return [{ name: "Heuristic.LookAlikeLink", offset: match.index }];
    }
  }
  return [];
}
